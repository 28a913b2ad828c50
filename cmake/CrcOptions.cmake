set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O3")  # assertions stay on: they are cheap here
set(CMAKE_CUDA_FLAGS_RELEASE "-O3")

# C++20 comes by flag, not by CMAKE_CXX_STANDARD: CMake 3.25 would pass that on to nvcc, and does not know how.
# One set of float rules for all files: results must not depend on which file a function was inlined into.
foreach(flags "${CMAKE_CXX_FLAGS}" "${CMAKE_CUDA_FLAGS}" "$ENV{CXXFLAGS}")
  if(flags MATCHES "fast-math|-Ofast|use_fast_math|associative-math")
    message(FATAL_ERROR "fast-math flags change results and are refused: ${flags}")
  endif()
endforeach()
add_library(crc_flags INTERFACE)
add_library(crc_warnings INTERFACE)
# No code reads errno or the exception flags; without that freedom GCC vectorises neither sqrt nor a ? b : c on floats.
set(host_flags -ffp-contract=off -fno-math-errno -fno-trapping-math -fopenmp)
if(CRC_CPU_ARCH AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND host_flags -march=${CRC_CPU_ARCH})
endif()
if(CRC_SANITIZE)
  list(APPEND host_flags -fsanitize=${CRC_SANITIZE} -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g)
  target_link_options(crc_flags INTERFACE -fsanitize=${CRC_SANITIZE})
endif()
list(JOIN host_flags "," host_flags_for_nvcc)
target_compile_options(crc_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-std=c++20;${host_flags}>"
  "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-std=c++20 -lineinfo -fmad=false -Xcompiler=${host_flags_for_nvcc}>")
target_include_directories(crc_flags INTERFACE ${CMAKE_SOURCE_DIR})
# GCC 12 warns falsely on "text" + std::to_string(n) (-Wrestrict, GCC bug 105651) and inside fmt (-Wstringop-overflow). In
# a batch of CMAKE_UNITY_BUILD a source is an included file to -Wsubobject-linkage, which asks that of headers alone.
set(false_warnings -Wno-restrict)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND false_warnings -Wno-stringop-overflow $<$<BOOL:${CMAKE_UNITY_BUILD}>:-Wno-subobject-linkage>)
endif()
target_compile_options(crc_warnings INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;${false_warnings}>"
  "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-Xcompiler=-Wall,-Wextra,-Wno-restrict -Xcudafe --display_error_number>")
