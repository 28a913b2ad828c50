// The one place that launches kernels: it names the op in every error. Everything else calls launch() or for_each().
// Under the test-only emulator (tests/emulator/) the same source runs on the CPU.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <string>
#include <utility>

#include "kernels/cuda/check.h"
#include "kernels/cuda/cuda.h"

#if defined(__CUDACC__)
// Dynamic shared memory, 16-byte aligned: CRC_DYNAMIC_SHARED(float, tile);
#define CRC_DYNAMIC_SHARED(T, name)                                       \
  extern __shared__ __align__(16) unsigned char crc_dynamic_shared_raw[]; \
  T* name = reinterpret_cast<T*>(crc_dynamic_shared_raw)
#endif

namespace crc {

struct Grid {
  dim3 blocks = 1;
  dim3 threads = 1;
  size_t shared_bytes = 0;  // dynamic shared memory per block
};

template <class... P, class... A>
void launch(Cuda& cuda, const char* name, void (*kernel)(P...), Grid grid, A&&... args) {
  if (grid.blocks.x == 0 || grid.blocks.y == 0 || grid.blocks.z == 0) return;  // no work
  constexpr size_t kDefaultShared = 48 << 10;                                  // above this a kernel must opt in
  if (grid.shared_bytes > kDefaultShared)
    allow_shared_bytes(cuda, name, reinterpret_cast<const void*>(kernel), grid.shared_bytes);
#if defined(__CUDACC__)
  kernel<<<grid.blocks, grid.threads, grid.shared_bytes, cuda.stream()>>>(std::forward<A>(args)...);
  check_cuda(cudaGetLastError(), std::string("launch of op ") + name);
#else
  check_cuda(
      emulator::launch(kernel, grid.blocks, grid.threads, grid.shared_bytes, cuda.stream(), std::forward<A>(args)...),
      std::string("launch of op ") + name);
#endif
}

// Blocks of such a launch that run at once on this device. A kernel whose blocks loop gains nothing from more; one
// whose sums are cut by blocks has the same bits on GPUs of one model in one build of the program.
template <class... P> int64_t resident_blocks(Cuda& cuda, void (*kernel)(P...), dim3 threads) {
  return cuda.resident_blocks(reinterpret_cast<const void*>(kernel), int(threads.x * threads.y * threads.z), 0);
}

template <class F> __global__ void for_each_kernel(int64_t n, F f) {
  const int64_t stride = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) f(i);
}

// f(i) for i in [0, n): the GPU's way to run a CRC_HD functor.
template <class F> void for_each(Cuda& cuda, const char* name, int64_t n, const F& f) {
  constexpr int kThreads = 256;  // full occupancy for kernels this light
  const int64_t blocks = std::min((n + kThreads - 1) / kThreads, resident_blocks(cuda, for_each_kernel<F>, kThreads));
  launch(cuda, name, for_each_kernel<F>, {.blocks = dim3(unsigned(blocks)), .threads = dim3(kThreads)}, n, f);
}

}  // namespace crc
