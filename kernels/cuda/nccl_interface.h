// What is used of NCCL's interface, which has been as it is since 2.9. nccl.h is not part of the CUDA toolkit, and a
// build needs it not: tests/kernels/cuda/nccl_interface_test.cpp compares the two where it is there.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

struct ncclComm;  // the library's

namespace crc::nccl {

using Communicator = ncclComm*;
struct UniqueId {
  char bytes[128];
};
enum Result : int { success = 0, in_progress = 7 };
enum Type : int { int8 = 0 };

// Members are named as the library's functions are, without "nccl".
struct Functions {
  Result (*GetVersion)(int* version);
  Result (*GetUniqueId)(UniqueId* id);
  Result (*CommInitRank)(Communicator* communicator, int size, UniqueId id, int rank);
  Result (*CommAbort)(Communicator communicator);
  Result (*CommGetAsyncError)(Communicator communicator, Result* error);
  Result (*GroupStart)();
  Result (*GroupEnd)();
  Result (*Send)(const void* data, size_t count, Type type, int to, Communicator communicator, cudaStream_t stream);
  Result (*Recv)(void* data, size_t count, Type type, int from, Communicator communicator, cudaStream_t stream);
  const char* (*GetErrorString)(Result result);
};

}  // namespace crc::nccl
