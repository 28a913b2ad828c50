// Inner products of rows in fp64, 4 x 12 at a time: 12 of AVX2's 16 registers hold sums. Every sum is one chain over
// the columns, of its two rows alone: the same bits wherever in a tile a pair stands.
#pragma once

#include "kernels/cpu/lanes.h"

namespace crc {

inline constexpr int64_t kDownPairs = 4, kWidePairs = 3 * kLanes;

// The inner products [4,12] of rows x [depth][4] and y [depth][12].
inline void multiply_pairs(double* out, const double* x, const double* y, int64_t depth) {
  Lanes sums[kDownPairs][3] = {};
  for (int64_t d = 0; d < depth; ++d) {
    const Lanes y0 = load(y + d * kWidePairs), y1 = load(y + d * kWidePairs + kLanes),
                y2 = load(y + d * kWidePairs + 2 * kLanes);
    for (int64_t i = 0; i < kDownPairs; ++i) {
      const Lanes left = all(x[d * kDownPairs + i]);
      sums[i][0] = fused(left, y0, sums[i][0]);
      sums[i][1] = fused(left, y1, sums[i][1]);
      sums[i][2] = fused(left, y2, sums[i][2]);
    }
  }
  for (int64_t i = 0; i < kDownPairs; ++i)
    for (int64_t c = 0; c < 3; ++c) store(out + i * kWidePairs + c * kLanes, sums[i][c]);
}

// <x,y> of n numbers: four chains of four.
inline double inner_product(const double* x, const double* y, int64_t n) {
  Lanes sums[4] = {};
  int64_t k = 0;
  for (; k + 4 * kLanes <= n; k += 4 * kLanes)
    for (int64_t c = 0; c < 4; ++c) sums[c] = fused(load(x + k + c * kLanes), load(y + k + c * kLanes), sums[c]);
  double total = joined((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; k < n; ++k) total += x[k] * y[k];
  return total;
}

// `count` rows of `depth` numbers, row(r) the r-th, as doubles [depth][wide]; zeros beyond them.
template <int64_t wide, class Row> void pack_rows(double* to, int64_t depth, int64_t count, const Row& row) {
  for (int64_t r = 0; r < wide; r += kLanes) {
    int64_t d = 0;
    if (r + kLanes <= count)
      for (; d + kLanes <= depth; d += kLanes) {
        Lanes q[kLanes] = {load(row(r) + d), load(row(r + 1) + d), load(row(r + 2) + d), load(row(r + 3) + d)};
        transpose(q[0], q[1], q[2], q[3]);
        for (int64_t c = 0; c < kLanes; ++c) store(to + (d + c) * wide + r, q[c]);
      }
    for (int64_t c = r; c < r + kLanes; ++c)  // what does not fill a square
      for (int64_t rest = d; rest < depth; ++rest) to[rest * wide + c] = c < count ? double(row(c)[rest]) : 0;
  }
}

}  // namespace crc
