// Work on row-major [rows, columns] arrays whose columns are channels, in coalesced order: neighbouring threads take
// neighbouring columns, kWidth each, then the next row. Sums go over a block's rows in shared memory, then over blocks
// in a second kernel, always in the same order.
#pragma once

#include "kernels/core/view.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/reduce.cuh"

namespace crc {

inline constexpr int kColumnThreads = 256;

// Who works where: blockIdx.x on a run of rows, blockIdx.y on a run of columns; threadIdx.x is a group of kWidth
// columns, threadIdx.y the first of the thread's rows.
struct ColumnGrid {
  Grid grid;
  int64_t rows, columns, rows_per_block;
  int blocks() const { return int(grid.blocks.x); }
};

template <class... P>
ColumnGrid column_grid(Cuda& cuda, void (*kernel)(P...), int64_t rows, int64_t columns, int width) {
  constexpr int64_t kLanes = 32;         // at least 8 rows in a block, so its threads are no fewer than its columns
  constexpr int64_t kRowsPerThread = 8;  // below this a block costs more to start and to finish than it reads
  const int64_t groups = columns / width, lanes = std::max<int64_t>(1, std::min(groups, kLanes));
  const int64_t lane_blocks = (groups + lanes - 1) / lanes, rows_at_once = kColumnThreads / lanes;
  const int64_t resident = resident_blocks(cuda, kernel, dim3(unsigned(lanes), unsigned(rows_at_once)));
  const int64_t most = std::max<int64_t>(1, resident / std::max<int64_t>(1, lane_blocks));
  const int64_t wanted = (rows + rows_at_once * kRowsPerThread - 1) / (rows_at_once * kRowsPerThread);
  const int64_t blocks = std::min(wanted, most);
  const int64_t rows_per_block = blocks == 0 ? 1 : (rows + blocks - 1) / blocks;
  return {{.blocks = dim3(unsigned((rows + rows_per_block - 1) / rows_per_block), unsigned(lane_blocks)),
           .threads = dim3(unsigned(lanes), unsigned(rows_at_once))},
          rows,
          columns,
          rows_per_block};
}

// A thread's place in a ColumnGrid.
struct ColumnPlace {
  int64_t column;      // the first of its columns; beyond the last: no work, but it must reach the barriers
  int64_t first, end;  // its rows: first, first + blockDim.y, ...
  int64_t top;         // the block's first row

  __device__ ColumnPlace(int64_t rows, int64_t rows_per_block, int width)
      : column((int64_t(blockIdx.y) * blockDim.x + threadIdx.x) * width), top(blockIdx.x * rows_per_block) {
    first = top + threadIdx.y;
    end = top + rows_per_block < rows ? top + rows_per_block : rows;
  }
};

// use(row, load(row)) for the thread's rows in order. kAhead rows are loaded before the first of them is used: that many
// accesses are under way at once, which no compiler arranges over stores that might be aliases.
template <int kAhead, class Load, class Use>
__device__ __forceinline__ void for_rows(const ColumnPlace& place, const Load& load, const Use& use) {
  const int64_t step = blockDim.y;
  int64_t row = place.first;
  for (; row + (kAhead - 1) * step < place.end; row += kAhead * step) {
    decltype(load(row)) loaded[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) loaded[i] = load(row + i * step);
#pragma unroll
    for (int i = 0; i < kAhead; ++i) use(row + i * step, loaded[i]);
  }
  for (; row < place.end; row += step) use(row, load(row));
}

// Adds values over threadIdx.y: thread t of the block gets the totals of the block's column t. Its barriers are for all
// threads; call it once in a kernel.
template <int kSums, int kWidth>
__device__ void sum_over_rows(const float (&value)[kSums][kWidth], double (&total)[kSums]) {
  __shared__ float tile[kSums][kColumnThreads * kWidth];
  const int thread = int(threadIdx.y * blockDim.x + threadIdx.x), columns = int(blockDim.x) * kWidth;
  for (int i = 0; i < kSums; ++i)
    for (int k = 0; k < kWidth; ++k) tile[i][thread * kWidth + k] = value[i][k];
  __syncthreads();
  if (thread >= columns) return;
  for (int i = 0; i < kSums; ++i) {
    total[i] = 0;
    for (int row = 0; row < int(blockDim.y); ++row) total[i] += tile[i][row * columns + thread];
  }
}

// The column whose total sum_over_rows gives this thread; -1 if there is none.
__device__ __forceinline__ int64_t total_column(int64_t columns, int width) {
  const int thread = int(threadIdx.y * blockDim.x + threadIdx.x), in_block = int(blockDim.x) * width;
  const int64_t column = int64_t(blockIdx.y) * in_block + thread;
  return thread < in_block && column < columns ? column : -1;
}

// A warp per column for the second kernel.
inline Grid warp_per_column(int64_t columns) {
  constexpr int64_t kWarps = 4;  // few columns: spread them over the SMs
  return {.blocks = dim3(unsigned((columns + kWarps - 1) / kWarps)), .threads = dim3(unsigned(32 * kWarps))};
}

// From parts [kSums, columns, blocks] to finish(column, sums...), kSums 1 or 2.
template <int kSums, class Finish> __global__ void finish_columns_kernel(View<const double, 3> parts, Finish finish) {
  const int64_t column = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
  if (column >= parts.shape[1]) return;  // a whole warp
  const int lane = int(threadIdx.x % 32);
  double total[kSums] = {};
  for (int i = 0; i < kSums; ++i) {
    for (int64_t block = lane; block < parts.shape[2]; block += 32) total[i] += parts(i, column, block);
    total[i] = warp_reduce(total[i], Sum{});
  }
  if (lane != 0) return;
  if constexpr (kSums == 1)
    finish(column, total[0]);
  else
    finish(column, total[0], total[1]);
}

}  // namespace crc
