// Warp and block reductions in a fixed order: the same bits every time.
#pragma once

#include <cuda_runtime.h>

namespace crc {

struct Sum {
  template <class T> __device__ T operator()(T a, T b) const { return a + b; }
};
struct Max {
  template <class T> __device__ T operator()(T a, T b) const { return a > b ? a : b; }
};

// Every lane gets the result. All 32 lanes must call.
template <class T, class Op> __device__ __forceinline__ T warp_reduce(T value, Op op) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) value = op(value, __shfl_xor_sync(0xffffffffu, value, offset));
  return value;
}

// Every thread of a one-dimensional block of kThreads (a multiple of 32) gets the result. Two barriers; safe to call
// again at once: the second barrier separates the readers of `total` from the next call's writers.
template <int kThreads, class T, class Op> __device__ T block_reduce(T value, Op op, T identity) {
  constexpr int kWarps = kThreads / 32;
  __shared__ T partial[kWarps];
  __shared__ T total;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  value = warp_reduce(value, op);
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  if (warp == 0) {
    value = warp_reduce(lane < kWarps ? partial[lane] : identity, op);
    if (lane == 0) total = value;
  }
  __syncthreads();
  return total;
}

}  // namespace crc
