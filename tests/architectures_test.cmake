# cmake -DSCRATCH=<folder> -P: the GPUs that a build is for, with an nvidia-smi of our own.
include(${CMAKE_CURRENT_LIST_DIR}/../cmake/CrcArchitectures.cmake)
set(ENV{PATH} "${SCRATCH}:$ENV{PATH}")

function(expect words code expected)
  file(WRITE ${SCRATCH}/nvidia-smi "#!/bin/sh\necho '${words}'\nexit ${code}\n")
  file(CHMOD ${SCRATCH}/nvidia-smi PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
  crc_architectures(found)
  if(NOT found STREQUAL expected)
    message(SEND_ERROR "nvidia-smi says '${words}' (${code}): ${found}, expected ${expected}")
  endif()
endfunction()

expect("8.9" 0 "75-virtual;89-real")
expect("12.0\n9.0\n12.0" 0 "75-virtual;90-real;120-real")
expect("7.5" 0 "75-virtual;75-real")
expect("NVIDIA-SMI has failed 8.0" 9 "75-virtual;80-real;90")
expect("[N/A]" 0 "75-virtual;80-real;90")
