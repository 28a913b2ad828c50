#include "kernels/cuda/launch.cuh"
#include "kernels/ops/persample_gram.h"

namespace crc {
namespace {

constexpr int kTile = 16;  // a block owns 16 x 16 pairs, one thread each
constexpr int kGramThreads = kTile * kTile;
constexpr int kChunk = 32;  // entries of 32 samples in 2 x 4.25 KB of shared memory

// The entries are formed once per tile, in shared memory, and never in global memory.
__global__ void gram_kernel(double* k, int64_t n, int64_t m, PersampleGrads x, PersampleGrads y, int64_t entries) {
  __shared__ double a[kChunk][kTile + 1], b[kChunk][kTile + 1];  // + 1: no bank conflicts when storing
  const int64_t tiles = (m + kTile - 1) / kTile;
  const int64_t i0 = blockIdx.x / tiles * kTile, j0 = blockIdx.x % tiles * kTile;
  const int row = threadIdx.x / kTile, column = threadIdx.x % kTile;
  double sum = 0;
  for (int64_t begin = 0; begin < entries; begin += kChunk) {
    const int count = int(entries - begin < kChunk ? entries - begin : kChunk);
    for (int t = threadIdx.x; t < kChunk * kTile; t += kGramThreads) {
      const int sample = t / kChunk, e = t % kChunk;
      a[e][sample] = e < count && i0 + sample < n ? x(i0 + sample, begin + e) : 0;
      b[e][sample] = e < count && j0 + sample < m ? y(j0 + sample, begin + e) : 0;
    }
    __syncthreads();
    for (int e = 0; e < count; ++e) sum += a[e][row] * b[e][column];
    __syncthreads();
  }
  if (i0 + row < n && j0 + column < m) k[(i0 + row) * m + j0 + column] = sum;
}

}  // namespace

void persample_gram(Cuda& cuda, View<double, 2> k, View<const float, 2> delta_i, View<const float, 2> h_i,
                    View<const float, 2> delta_j, View<const float, 2> h_j, PersampleConfig config) {
  const int64_t n = k.shape[0], m = k.shape[1];
  const PersampleGrads x = persample("persample_gram", n, delta_i, h_i, config);
  const PersampleGrads y = persample("persample_gram", m, delta_j, h_j, config);
  check_shape("persample_gram", delta_j, {m, x.classes});
  check_shape("persample_gram", h_j, {m, x.features});
  const int64_t blocks = ((n + kTile - 1) / kTile) * ((m + kTile - 1) / kTile);
  launch(cuda, "persample_gram", gram_kernel, {.blocks = dim3(unsigned(blocks)), .threads = dim3(kGramThreads)}, k.data,
         n, m, x, y, x.entries());
}

}  // namespace crc
