# libcrc_select.so: crc/select.h and nothing else leaves it (cmake/crc_select.map). find_package(crc) makes it crc::select;
# pkg-config knows it as crc-select.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/crc_select_library.cpp CONTENT "// all of it is crc_crc\n")
add_library(crc_select_library SHARED ${CMAKE_BINARY_DIR}/generated/crc_select_library.cpp)
target_link_libraries(crc_select_library PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,crc_crc> fmt::fmt)
target_include_directories(crc_select_library INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(crc_select_library INTERFACE cxx_std_20)
set(select_exports ${CMAKE_SOURCE_DIR}/cmake/crc_select.map)
target_link_options(crc_select_library PRIVATE -Wl,--version-script=${select_exports} -Wl,--no-undefined)
set_target_properties(crc_select_library PROPERTIES OUTPUT_NAME crc_select EXPORT_NAME select VERSION ${PROJECT_VERSION}
                      SOVERSION 1 LINK_DEPENDS ${select_exports} UNITY_BUILD OFF
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/crc)
install(TARGETS crc_select_library EXPORT crc LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES crc/select.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/crc)
install(EXPORT crc NAMESPACE crc:: FILE crcConfig.cmake DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/crcConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/generated/crcConfigVersion.cmake DESTINATION ${package_dir})
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/crc-select.pc @ONLY CONTENT "prefix=\${pcfiledir}/../..
Name: crc-select
Description: which items of a pool to label next
Version: @PROJECT_VERSION@
Cflags: -std=c++20 -I\${prefix}/@CMAKE_INSTALL_INCLUDEDIR@
Libs: -L\${prefix}/@CMAKE_INSTALL_LIBDIR@ -lcrc_select
")
install(FILES ${CMAKE_BINARY_DIR}/generated/crc-select.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
