// Loops over row-major [rows, columns] arrays whose columns are channels: sums down the columns, and functions with
// constants per column. Both walk memory in order, by periods: rows side by side until they fill a few vectors, so that
// loops over a period vectorise whatever the number of columns. Pieces are fixed by the shape alone: the same bits for
// any number of threads.
#pragma once

#include <algorithm>

#include "kernels/core/view.h"
#include "kernels/cpu/for_each.h"

namespace crc {

// Elements of a period, a multiple of `columns`; element k of it is in column k % columns.
inline int64_t period_of(int64_t columns) {
  constexpr int64_t kShortest = 64;
  return columns <= 0 ? 1 : columns * ((kShortest + columns - 1) / columns);
}

// Elements of one parallel piece: whole periods, about 128 KB of fp32.
inline int64_t piece_of(int64_t columns) {
  constexpr int64_t kElements = 32768;
  return period_of(columns) * std::max<int64_t>(1, kElements / period_of(columns));
}

// f(at, n) for every period: n elements from flat index `at`. Only the last can be shorter than a period.
template <class F> void for_periods(Cpu& cpu, int64_t size, int64_t columns, const F& f) {
  const int64_t period = period_of(columns);
  for_chunks(cpu, size, piece_of(columns), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += period) f(at, std::min(period, end - at));
  });
}

// A tile is what sums in fp32 may cover: few periods to keep them exact to a few ulp, narrow enough for the L1 cache.
struct Tile {
  int64_t at;      // flat index of its first element
  int64_t height;  // periods
  int64_t width;   // elements in each, at most kTileWidth
  int64_t first;   // place of its first element in the period
  int64_t above;   // periods of the same piece above it
};
inline constexpr int64_t kTileWidth = 128;

template <class F> void for_tiles(int64_t begin, int64_t end, int64_t period, const F& f) {
  constexpr int64_t kHeight = 64;
  for (int64_t at = begin; at < end;) {
    const bool whole = end - at >= period;
    const int64_t height = whole ? std::min(kHeight, (end - at) / period) : 1, width = whole ? period : end - at;
    for (int64_t k = 0; k < width; k += kTileWidth)
      f(Tile{at + k, height, std::min(kTileWidth, width - k), k, (at - begin) / period});
    at += height * period;
  }
}

// Sums down the columns, kSums at a time: totals [kSums, columns] in the arena's enclosing frame. add_tile(tile, s)
// sets s[i][k] to the sum over the tile's periods at its k-th element; beyond a tile the sums are fp64.
template <int kSums, class F> View<double, 2> column_sums(Cpu& cpu, int64_t size, int64_t columns, const F& add_tile) {
  const int64_t period = period_of(columns), piece = piece_of(columns), pieces = (size + piece - 1) / piece;
  const View<double, 2> totals = cpu.scratch().take<double>({kSums, columns}, "column sums");
  const View<double, 3> parts = cpu.scratch().take<double>({pieces, kSums, period}, "partial column sums");
  for_chunks(cpu, size, piece, [&](int64_t p, int64_t begin, int64_t end) {
    double* part = parts.data + p * kSums * period;
    std::fill(part, part + kSums * period, 0.0);
    for_tiles(begin, end, period, [&](const Tile& tile) {
      float s[kSums][kTileWidth];
      add_tile(tile, s);
      for (int i = 0; i < kSums; ++i)
        for (int64_t k = 0; k < tile.width; ++k) part[i * period + tile.first + k] += s[i][k];
    });
  });
  std::fill(totals.data, totals.data + totals.size(), 0.0);
  for (int64_t p = 0; p < pieces; ++p)
    for (int i = 0; i < kSums; ++i)
      for (int64_t k = 0; k < period; k += columns)
        for (int64_t c = 0; c < columns; ++c) totals(i, c) += parts(p, i, k + c);
  return totals;
}

}  // namespace crc
