// One warp per row: f(row, WarpLane) for the row functors that the CPU runs with one lane (kernels/cpu/rows.h).
#pragma once

#include <algorithm>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"

namespace crc {

// Every lane gets the result of sum, max and min; all 32 must call. The order is fixed: the same bits every time.
struct WarpLane {
  static constexpr int count = 32;
  int lane;
  __device__ float sum(float value) const { return warp_reduce(value, Sum{}); }
  __device__ double sum(double value) const { return warp_reduce(value, Sum{}); }
  __device__ float max(float value) const { return warp_reduce(value, Max{}); }
  __device__ int64_t min(int64_t value) const { return -warp_reduce(-value, Max{}); }
};

template <class F> __global__ void for_each_row_kernel(int64_t rows, F f) {
  const int64_t warps = int64_t(gridDim.x) * blockDim.x / WarpLane::count;
  const int64_t first = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / WarpLane::count;
  for (int64_t row = first; row < rows; row += warps) f(row, WarpLane{int(threadIdx.x % WarpLane::count)});
}

template <class F> void for_each_row(Cuda& cuda, const char* name, int64_t rows, const F& f) {
  constexpr int kThreads = 128;  // 4 rows per block spread a batch of 448 over 112 multiprocessors
  constexpr int64_t kRows = kThreads / WarpLane::count;
  const int64_t blocks = std::min((rows + kRows - 1) / kRows, resident_blocks(cuda, for_each_row_kernel<F>, kThreads));
  launch(cuda, name, for_each_row_kernel<F>, {.blocks = dim3(unsigned(blocks)), .threads = dim3(kThreads)}, rows, f);
}

}  // namespace crc
