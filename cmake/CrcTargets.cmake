# crc_library(folder [USES layers below it] [PUBLIC libraries] [PRIVATE libraries]): the static library crc_<folder> from
# all sources below that folder. GLOB with CONFIGURE_DEPENDS: adding a file is adding a file.
function(crc_library folder)
  cmake_parse_arguments(with "" "" "USES;PUBLIC;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS ${folder}/*.cu)
  list(FILTER sources EXCLUDE REGEX "/apps/(crc_[a-z]+\\.cpp$|python/)")  # the programs, the Python module
  if(CRC_CUDA_FOUND)
    list(APPEND sources ${cuda_sources})
  else()
    list(FILTER sources EXCLUDE REGEX "/cuda/")
  endif()
  list(TRANSFORM with_USES PREPEND crc_)
  add_library(crc_${folder} STATIC ${sources})
  target_link_libraries(crc_${folder} PUBLIC crc_flags ${with_USES} ${with_PUBLIC} PRIVATE crc_warnings ${with_PRIVATE})
  if(CRC_CUDA_FOUND AND cuda_sources)  # what each kernel takes, for tests/kernels/cuda/registers.sh
    target_compile_options(crc_${folder} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-Xptxas=-v>)
    set_target_properties(crc_${folder} PROPERTIES
                          RULE_LAUNCH_COMPILE "${CMAKE_SOURCE_DIR}/cmake/ptxas_report.sh <OBJECT> <LANGUAGE>")
  endif()
endfunction()

# crc_commit_header(target): <crc_commit.h> with the version, the commit and the build type, written at every build.
function(crc_commit_header target)
  set(commit_header ${CMAKE_BINARY_DIR}/generated/crc_commit.h)
  add_custom_target(crc_commit BYPRODUCTS ${commit_header}
                    COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DOUTPUT=${commit_header}
                            -DVERSION=${PROJECT_VERSION} -DBUILD_TYPE=${CMAKE_BUILD_TYPE}
                            -P ${CMAKE_SOURCE_DIR}/cmake/CrcCommit.cmake)
  add_dependencies(${target} crc_commit)
  target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR}/generated)
endfunction()

# crc_embed(kind type): compiles the TOML files of apps/config/<kind>/ into crc_apps as `const std::vector<type>& <kind>()` of
# apps/config/<kind>.h, so that the program needs no folder beside it.
function(crc_embed kind type)
  file(GLOB files CONFIGURE_DEPENDS apps/config/${kind}/*.toml)
  set(entries "")
  foreach(file ${files})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(name ${file} NAME_WLE)
    file(READ ${file} text)
    string(APPEND entries "      {\"${name}\", R\"toml(${text})toml\"},\n")
  endforeach()
  set(generated ${CMAKE_BINARY_DIR}/generated/${kind}_embedded.cpp)
  file(CONFIGURE OUTPUT ${generated} CONTENT "#include \"apps/config/${kind}.h\"

namespace crc::apps {
const std::vector<${type}>& ${kind}() {
  static const std::vector<${type}> all = {
@entries@  };
  return all;
}
}  // namespace crc::apps
" @ONLY)
  target_sources(crc_apps PRIVATE ${generated})
endfunction()

# crc_embed_page(name variable header): compiles apps/draw/pages/<name>.html into crc_apps as `const std::string_view
# <variable>` of apps/draw/<header>.h.
function(crc_embed_page name variable header)
  set(file apps/draw/pages/${name}.html)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} page)
  set(generated ${CMAKE_BINARY_DIR}/generated/${name}_embedded.cpp)
  file(CONFIGURE OUTPUT ${generated} CONTENT "#include \"apps/draw/${header}.h\"

namespace crc::apps {
const std::string_view ${variable} = R\"page(@page@)page\";
}  // namespace crc::apps
" @ONLY)
  target_sources(crc_apps PRIVATE ${generated})
endfunction()

function(crc_program name)
  add_executable(${name} apps/${name}.cpp)
  target_link_libraries(${name} PRIVATE crc_apps crc_warnings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()
