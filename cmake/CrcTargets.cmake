# crc_library(folder [layers it uses]): the static library crc_<folder> from all sources below that folder.
# GLOB with CONFIGURE_DEPENDS: adding a file is adding a file.
function(crc_library folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "apps/crc_[a-z]+\\.cpp$")
  if(folder STREQUAL "kernels")
    list(FILTER sources EXCLUDE REGEX "kernels/cuda/")
    if(CRC_CUDA_FOUND)
      file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS kernels/cuda/*.cpp kernels/*.cu)
      list(APPEND sources ${cuda_sources})
    endif()
  endif()
  if(NOT sources)
    add_library(crc_${folder} INTERFACE)
    foreach(layer ${ARGN})
      target_link_libraries(crc_${folder} INTERFACE crc_${layer})
    endforeach()
    return()
  endif()
  add_library(crc_${folder} STATIC ${sources})
  target_link_libraries(crc_${folder} PUBLIC crc_flags PRIVATE crc_warnings)
  foreach(layer ${ARGN})
    target_link_libraries(crc_${folder} PUBLIC crc_${layer})
  endforeach()
  if(folder STREQUAL "kernels")
    target_link_libraries(crc_kernels PUBLIC OpenMP::OpenMP_CXX Threads::Threads crc_dep_random123
                          PRIVATE crc_dep_onednn crc_dep_openblas crc_dep_lapacke crc_dep_fmt)
    target_compile_definitions(crc_kernels PUBLIC CRC_CUDA=$<BOOL:${CRC_CUDA_FOUND}>)
    if(CRC_CUDA_FOUND)
      # cudart is linked statically; cuDNN, cuBLAS and cuSOLVER are opened at first use: the program starts without them.
      target_link_libraries(crc_kernels PUBLIC CUDA::cudart_static ${CMAKE_DL_LIBS})
      target_include_directories(crc_kernels SYSTEM PUBLIC ${CUDAToolkit_INCLUDE_DIRS} ${cudnn_INCLUDE})
      set_target_properties(crc_kernels PROPERTIES CUDA_RUNTIME_LIBRARY Static)
    endif()
  elseif(folder STREQUAL "data")
    target_link_libraries(crc_data PUBLIC OpenMP::OpenMP_CXX crc_dep_random123
                          PRIVATE crc_dep_stb crc_dep_zlib crc_dep_fmt crc_dep_xxhash crc_dep_json)
  elseif(folder STREQUAL "nn")
    target_link_libraries(crc_nn PRIVATE crc_dep_json crc_dep_fmt)
  elseif(folder STREQUAL "apps")
    target_link_libraries(crc_apps PUBLIC crc_dep_fmt crc_dep_cli11 crc_dep_tomlplusplus crc_dep_json crc_dep_xxhash)
    set(commit_header ${CMAKE_BINARY_DIR}/generated/crc_commit.h)
    add_custom_target(crc_commit BYPRODUCTS ${commit_header}
                      COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DOUTPUT=${commit_header}
                              -DVERSION=${PROJECT_VERSION} -DBUILD_TYPE=${CMAKE_BUILD_TYPE}
                              -P ${CMAKE_SOURCE_DIR}/cmake/CrcCommit.cmake)
    add_dependencies(crc_apps crc_commit)
    target_include_directories(crc_apps PRIVATE ${CMAKE_BINARY_DIR}/generated)
  else()
    target_link_libraries(crc_${folder} PRIVATE crc_dep_fmt)
  endif()
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

function(crc_program name)
  if(EXISTS ${CMAKE_SOURCE_DIR}/apps/${name}.cpp)
    add_executable(${name} apps/${name}.cpp)
    target_link_libraries(${name} PRIVATE crc_apps crc_warnings)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  endif()
endfunction()
