// Work on row-major [rows, columns] arrays whose columns are channels, in coalesced order: neighbouring threads take
// neighbouring columns, kWidth each, then the next row. Sums go over a block's rows in shared memory, then, by the last
// of a column's blocks to get so far, over blocks: always in the same order, whichever block that is.
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
  // At most 64 columns: whole lines of memory, and the last block has no more to finish than 8 warps do in two turns.
  const int64_t most_lanes = std::min(32, 64 / width);
  constexpr int64_t kRowsPerThread = 8;  // below this a block costs more to start and to finish than it reads
  const int64_t groups = columns / width, lanes = std::max<int64_t>(1, std::min(groups, most_lanes));
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

// The tickets of such a launch, for is_last_block.
inline unsigned* tickets_of(Cuda& cuda, const ColumnGrid& columns) {
  if (columns.grid.blocks.y > Cuda::kTickets)
    fail_internal("sums over the rows of " + std::to_string(columns.columns) + " columns: too many");
  return cuda.tickets();
}

// Whether this block is the last of those of its columns to get here. It then sees all that they wrote before. Its
// barriers are for all threads; the ticket is zero again afterwards.
__device__ __forceinline__ bool is_last_block(unsigned* tickets) {
  __shared__ bool last;
  __syncthreads();
  if (threadIdx.x == 0 && threadIdx.y == 0) {
    __threadfence();
    last = atomicInc(tickets + blockIdx.y, gridDim.x - 1) == gridDim.x - 1;
    __threadfence();
  }
  __syncthreads();
  return last;
}

// f(column, count, lane) for the columns of the block: a warp works on `count` of them at once, from `column` on and at
// most kTogether, since each alone would wait for memory and for its own sums.
inline constexpr int kTogether = 4;
template <class F> __device__ __forceinline__ void for_warp_columns(int64_t columns, int width, const F& f) {
  const int thread = int(threadIdx.y * blockDim.x + threadIdx.x), in_block = int(blockDim.x) * width;
  const int warp = thread / 32, warps = int(blockDim.x * blockDim.y) / 32;  // whole ones
  const int64_t first = int64_t(blockIdx.y) * in_block;
  const int here = first + in_block < columns ? in_block : int(columns - first);
  if (warp >= warps) return;
  for (int c = warp * kTogether; c < here; c += warps * kTogether)
    f(first + c, here - c < kTogether ? here - c : kTogether, thread % 32);
}

// In the last block: from parts [kSums, columns, blocks] to finish(column, sums...), kSums 1 or 2.
template <int kSums, class Finish>
__device__ __forceinline__ void finish_columns(const View<double, 3>& parts, int width, const Finish& finish) {
  for_warp_columns(parts.shape[1], width, [&](int64_t column, int count, int lane) {
    double total[kTogether][kSums] = {};
    for (int64_t block = lane; block < parts.shape[2]; block += 32)
#pragma unroll
      for (int j = 0; j < kTogether; ++j)
        for (int i = 0; i < kSums; ++i)
          if (j < count) total[j][i] += parts(i, column + j, block);
#pragma unroll
    for (int j = 0; j < kTogether; ++j) {
      for (int i = 0; i < kSums; ++i) total[j][i] = warp_reduce(total[j][i], Sum{});
      if (lane != j || j >= count) continue;
      if constexpr (kSums == 1)
        finish(column + j, total[j][0]);
      else
        finish(column + j, total[j][0], total[j][1]);
    }
  });
}

}  // namespace crc
