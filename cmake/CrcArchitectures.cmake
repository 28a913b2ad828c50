# crc_architectures(result): what CMAKE_CUDA_ARCHITECTURES is where nobody sets it. Machine code for the GPUs of this
# machine, or, where there is none, for A100 and H100; with PTX that the driver compiles, once, for every other GPU from
# sm_75 on. Releases set all-major: machine code for every generation that the toolkit knows.
function(crc_architectures result)
  execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader OUTPUT_VARIABLE here ERROR_QUIET
                  RESULT_VARIABLE code)
  set(found "")
  if(code EQUAL 0)
    string(REGEX MATCHALL "[0-9]+\\.[0-9]" found "${here}")
    list(TRANSFORM found REPLACE "\\." "")
    list(TRANSFORM found APPEND "-real")
    list(REMOVE_DUPLICATES found)
    list(SORT found COMPARE NATURAL)
  endif()
  if(found)
    set(${result} "75-virtual;${found}" PARENT_SCOPE)
  else()
    set(${result} "75-virtual;80-real;90" PARENT_SCOPE)
  endif()
endfunction()
