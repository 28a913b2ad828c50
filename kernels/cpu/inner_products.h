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

// Rows [begin, begin + wide) of x [..,depth] as doubles [depth][wide], zeros from row `end` on.
template <int64_t wide, class T> void pack_rows(double* to, const T* x, int64_t depth, int64_t begin, int64_t end) {
  for (int64_t r = 0; r < wide; ++r) {
    const T* row = x + (begin + r) * depth;
    for (int64_t d = 0; d < depth; ++d) to[d * wide + r] = begin + r < end ? double(row[d]) : 0;
  }
}

}  // namespace crc
