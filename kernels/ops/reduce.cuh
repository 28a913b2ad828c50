// The kernels of reduce.cu.
#pragma once

#include "kernels/cuda/columns.cuh"
#include "kernels/ops/reduce.h"

namespace crc {

inline constexpr int kReduceThreads = 256;

// One term per element, fp64. The only block of a grid finishes; otherwise block b leaves parts[b].
template <class T, class Term, class Finish>
__global__ void total_kernel(View<double, 1> parts, View<const T, 1> x, Term term, Finish finish) {
  const int64_t stride = int64_t(gridDim.x) * kReduceThreads;
  double sum = 0;
  for (int64_t i = int64_t(blockIdx.x) * kReduceThreads + threadIdx.x; i < x.size(); i += stride) sum += term(x[i]);
  sum = block_reduce<kReduceThreads>(sum, Sum{}, 0.0);
  if (threadIdx.x != 0) return;
  if (gridDim.x == 1)
    finish(sum);
  else
    parts[blockIdx.x] = sum;
}

// parts [1, C, blocks]: sums over a block's rows, which the last block adds up.
template <int kWidth, class T>
__global__ void column_sum_kernel(View<double, 3> parts, View<const T, 2> x, int64_t rows_per_block, AddColumn finish,
                                  unsigned* tickets) {
  const ColumnPlace place(x.shape[0], rows_per_block, kWidth);
  float sums[1][kWidth] = {};
  if (place.column < x.shape[1])
    for_rows<4>(
        place, [&](int64_t row) { return load_raw<kWidth>(&x(row, place.column)); },
        [&](int64_t, const RawPack<kWidth, T>& raw) {
          const Pack<kWidth> in = raw.unpacked();
          for (int k = 0; k < kWidth; ++k) sums[0][k] += in.value[k];
        });
  double total[1];
  sum_over_rows(sums, total);
  if (const int64_t c = total_column(x.shape[1], kWidth); c >= 0) parts(0, c, blockIdx.x) = total[0];
  if (is_last_block(tickets)) finish_columns<1>(parts, kWidth, finish);
}

}  // namespace crc
