// Statistics of an image in shared memory, by one block whose size is a multiple of 32. Integer sums: the order in
// which threads arrive does not matter.
#pragma once

#include "kernels/augment/op.h"
#include "kernels/cuda/reduce.cuh"

namespace crc::augment {

// One warp turns the 256 counts of one channel into `below`, `lowest` and `highest`: 8 values per lane.
__device__ inline void scan_channel(Stats& stats, int c, int lane) {
  constexpr uint32_t kEach = 8;
  const uint32_t first = lane * kEach;
  uint32_t counts[kEach], sum = 0, lowest = 255, highest = 0;
  for (uint32_t k = 0; k < kEach; ++k) {
    counts[k] = stats.below[c][first + k];
    sum += counts[k];
    if (counts[k] == 0) continue;
    highest = first + k;
    if (lowest == 255) lowest = first + k;
  }
  uint32_t below = sum;
  for (int offset = 1; offset < 32; offset *= 2) {
    const uint32_t left = __shfl_up_sync(0xffffffffu, below, offset);
    if (lane >= offset) below += left;
  }
  below -= sum;  // of all lanes before this one
  for (uint32_t k = 0; k < kEach; ++k) {
    stats.below[c][first + k] = below;
    below += counts[k];
  }
  lowest = 255 - warp_reduce(255 - lowest, Max{});
  highest = warp_reduce(highest, Max{});
  if (lane == 0) stats.lowest[c] = lowest, stats.highest[c] = highest;
}

// Fills what `kNeeds` asks for. Every thread of the block calls; on return every thread may read.
template <Needs kNeeds> __device__ void measure(const Image& image, Stats& stats) {
  const int pixels = image.width * image.height, thread = threadIdx.x, threads = blockDim.x;
  const int lane = thread % 32, warp = thread / 32;
  if constexpr (kNeeds == Needs::histogram) {
    for (int i = thread; i < 3 * 256; i += threads) stats.below[i / 256][i % 256] = 0;
    __syncthreads();
    for (int i = thread; i < pixels; i += threads)
      for (int c = 0; c < 3; ++c) atomicAdd(&stats.below[c][image.pixels[i].c[c]], 1u);
    __syncthreads();
    for (int c = warp; c < 3; c += threads / 32) scan_channel(stats, c, lane);
    __syncthreads();
  }
  if constexpr (kNeeds == Needs::grey_sum) {
    if (thread == 0) stats.grey_sum = 0;
    __syncthreads();
    uint32_t sum = 0;
    for (int i = thread; i < pixels; i += threads) sum += grey(image.pixels[i]);
    sum = warp_reduce(sum, Sum{});
    if (lane == 0) atomicAdd(&stats.grey_sum, sum);
    __syncthreads();
  }
}

}  // namespace crc::augment
