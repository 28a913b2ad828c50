# Run at install time: copies the shared libraries that `programs` and `shared` need to `libraries_dir` under the names they are asked
# for by, and their packages' licences, where dpkg knows them, to `licenses_dir`.
file(GET_RUNTIME_DEPENDENCIES EXECUTABLES ${programs} LIBRARIES ${shared}
     RESOLVED_DEPENDENCIES_VAR found UNRESOLVED_DEPENDENCIES_VAR missing
     POST_EXCLUDE_REGEXES "/(ld-linux[^/]*|libc|libm|libdl|librt|libpthread|libresolv|libutil|libanl)\\.so[^/]*$")
if(missing)
  message(FATAL_ERROR "shared libraries not found: ${missing}")
endif()
set(root "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
file(MAKE_DIRECTORY ${root}/${libraries_dir})
find_program(dpkg_query dpkg-query)
foreach(library ${found})
  get_filename_component(name ${library} NAME)
  file(REAL_PATH ${library} real)  # not the chain of links: it may lead through /etc/alternatives
  file(COPY_FILE ${real} ${root}/${libraries_dir}/${name} ONLY_IF_DIFFERENT)
  list(APPEND CMAKE_INSTALL_MANIFEST_FILES ${CMAKE_INSTALL_PREFIX}/${libraries_dir}/${name})
  if(dpkg_query)
    execute_process(COMMAND ${dpkg_query} --search ${real} OUTPUT_VARIABLE owner ERROR_QUIET)
    if(owner MATCHES "^([^:,]+)" AND EXISTS /usr/share/doc/${CMAKE_MATCH_1}/copyright)
      set(package ${CMAKE_MATCH_1})
      file(MAKE_DIRECTORY ${root}/${licenses_dir})
      file(COPY_FILE /usr/share/doc/${package}/copyright ${root}/${licenses_dir}/${package} ONLY_IF_DIFFERENT)
    endif()
  endif()
endforeach()
