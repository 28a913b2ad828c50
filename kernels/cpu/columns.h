// Loops over row-major [rows, columns] arrays whose columns are channels: sums down the columns, and functions with
// constants per column. Tiles are fixed by the shape alone, so results are the same bits for any number of threads.
#pragma once

#include <algorithm>
#include <type_traits>

#include "kernels/core/view.h"
#include "kernels/cpu/for_each.h"

namespace crc {

// An activation [N,H,W,C] seen as [N*H*W, C].
template <class T> View<T, 2> as_rows(View<T, 4> v) {
  return {v.data, {v.shape[0] * v.shape[1] * v.shape[2], v.shape[3]}, v.device, v.name};
}

// A tile's sums are fp32 and live in registers: few enough rows to keep them exact to a few ulp.
inline constexpr int64_t kTileRows = 64;

// Rows of one task for for_chunks: whole tiles, about 64 KB of fp32.
inline int64_t task_rows(int64_t columns) {
  constexpr int64_t kElements = 16384;
  return std::max<int64_t>(1, kElements / (kTileRows * std::max<int64_t>(1, columns))) * kTileRows;
}
inline int64_t task_count(int64_t rows, int64_t columns) {
  return (rows + task_rows(columns) - 1) / task_rows(columns);
}

// f(width, row, rows, column) for the tiles of rows [begin, end); width is a compile-time constant, so that a loop over
// the tile's columns becomes vector instructions without a remainder.
template <class F> void for_tiles(int64_t begin, int64_t end, int64_t columns, const F& f) {
  for (int64_t row = begin; row < end; row += kTileRows) {
    const int64_t rows = std::min(kTileRows, end - row);
    int64_t c = 0;
    for (; c + 16 <= columns; c += 16) f(std::integral_constant<int, 16>{}, row, rows, c);
    for (; c + 4 <= columns; c += 4) f(std::integral_constant<int, 4>{}, row, rows, c);
    for (; c < columns; ++c) f(std::integral_constant<int, 1>{}, row, rows, c);
  }
}

// Columns repeated to at least a cache line's worth of vectors: a loop over one period has constants per element and
// walks memory in order, whatever the number of columns.
inline int64_t period_of(int64_t columns) {
  constexpr int64_t kShortest = 64;
  return columns == 0 ? 1 : columns * ((kShortest + columns - 1) / columns);
}
// f(at, n): n elements from flat index `at`, the k-th of which is in column k % columns.
template <class F> void for_periods(Cpu& cpu, int64_t size, int64_t columns, const F& f) {
  constexpr int64_t kElements = 16384;
  const int64_t period = period_of(columns);
  for_chunks(cpu, size, period * std::max<int64_t>(1, kElements / period), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += period) f(at, std::min(period, end - at));
  });
}

}  // namespace crc
