# cmake --install BUILD --prefix DIR, and `cpack` in the build folder: an xz archive that runs on other Linux machines of
# this architecture with this glibc or a newer one. It holds the programs and every shared library they need, but for
# glibc's own; cuDNN, cuBLAS and cuSOLVER are opened at run time and are the target's.
include(GNUInstallDirs)
option(CRC_INSTALL_LIBRARIES "install the shared libraries that the programs need (OFF for distributions' packages)" ON)

set(libraries_dir ${CMAKE_INSTALL_LIBDIR}/crc)
set(installed "")
foreach(program crc_train crc_select crc_bench)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    list(APPEND installed $<TARGET_FILE:${program}>)
    if(CRC_INSTALL_LIBRARIES)
      # RPATH, not RUNPATH: it also holds for what the libraries themselves need.
      target_link_options(${program} PRIVATE -Wl,--disable-new-dtags)
      file(RELATIVE_PATH to_libraries ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_PREFIX}/${libraries_dir})
      set_target_properties(${program} PROPERTIES INSTALL_RPATH "$ORIGIN/${to_libraries}")
    endif()
  endif()
endforeach()
if(CRC_INSTALL_LIBRARIES)
  target_link_options(crc_select_library PRIVATE -Wl,--disable-new-dtags)
  set_target_properties(crc_select_library PROPERTIES INSTALL_RPATH "$ORIGIN/crc")
endif()
install(FILES README.md LICENSE CHANGELOG.md TYPE DOC)
install(DIRECTORY docs/ TYPE DOC)

if(CRC_INSTALL_LIBRARIES)
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/generated/install_libraries.cmake CONTENT "
set(programs \"${installed}\")
set(shared \"$<TARGET_FILE:crc_select_library>\")
set(libraries_dir \"${libraries_dir}\")
set(licenses_dir \"${CMAKE_INSTALL_DATAROOTDIR}/doc/crc/licenses\")
include(\"${CMAKE_SOURCE_DIR}/cmake/CrcInstallLibraries.cmake\")
")
  install(SCRIPT ${CMAKE_BINARY_DIR}/generated/install_libraries.cmake)
endif()

set(CPACK_GENERATOR TXZ)
set(CPACK_PACKAGE_NAME crc)
set(CPACK_PACKAGE_FILE_NAME crc-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_STRIP_FILES ON)
include(CPack)
