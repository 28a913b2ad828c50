// Turns CUDA status codes into errors that name the call.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "kernels/core/error.h"

namespace crc {

inline void check_cuda(cudaError_t status, const std::string& what) {
  if (status == cudaSuccess) return;
  (void)cudaGetLastError();  // clear it: the next launch must not report this one
  const ExitCode code = status == cudaErrorMemoryAllocation ? ExitCode::out_of_memory : ExitCode::internal;
  fail(code, what + ": " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")");
}

}  // namespace crc
