// Inner products of rows in fp64, 4 x 24 at a time, by AVX-512 where the CPU has it. Every sum is one chain of fused
// multiply-adds over the columns, of its two rows alone: the same bits wherever in a tile a pair stands, and on any CPU.
#pragma once

#include "kernels/cpu/lanes.h"

namespace crc {

inline constexpr int64_t kDownPairs = 4, kWidePairs = 24;
inline constexpr int64_t kDeepPairs = 128;  // of a panel [128,24]: half of a first-level cache

// out [4,24] += the inner products of rows x [depth][4] and y [depth][24].
inline void add_products_by_4(double* out, const double* x, const double* y, int64_t depth) {
  for (int64_t half = 0; half < kWidePairs; half += 3 * kLanes) {  // 12 of AVX2's 16 registers hold sums
    Lanes sums[kDownPairs][3];
    for (int64_t i = 0; i < kDownPairs; ++i)
      for (int64_t c = 0; c < 3; ++c) sums[i][c] = load(out + i * kWidePairs + half + c * kLanes);
    for (int64_t d = 0; d < depth; ++d) {
      const double* next = y + d * kWidePairs + half;
      const Lanes y0 = load(next), y1 = load(next + kLanes), y2 = load(next + 2 * kLanes);
      for (int64_t i = 0; i < kDownPairs; ++i) {
        const Lanes left = all(x[d * kDownPairs + i]);
        sums[i][0] = fused(left, y0, sums[i][0]);
        sums[i][1] = fused(left, y1, sums[i][1]);
        sums[i][2] = fused(left, y2, sums[i][2]);
      }
    }
    for (int64_t i = 0; i < kDownPairs; ++i)
      for (int64_t c = 0; c < 3; ++c) store(out + i * kWidePairs + half + c * kLanes, sums[i][c]);
  }
}

#if defined(__AVX2__) && defined(__FMA__)
__attribute__((target("avx512f"))) inline void add_products_by_8(double* out, const double* x, const double* y,
                                                                 int64_t depth) {
  __m512d sums[kDownPairs][3];
  for (int64_t i = 0; i < kDownPairs; ++i)
    for (int64_t c = 0; c < 3; ++c) sums[i][c] = _mm512_loadu_pd(out + i * kWidePairs + c * 8);
  for (int64_t d = 0; d < depth; ++d) {
    const double* next = y + d * kWidePairs;
    const __m512d y0 = _mm512_loadu_pd(next), y1 = _mm512_loadu_pd(next + 8), y2 = _mm512_loadu_pd(next + 16);
    for (int64_t i = 0; i < kDownPairs; ++i) {
      const __m512d left = _mm512_set1_pd(x[d * kDownPairs + i]);
      sums[i][0] = _mm512_fmadd_pd(left, y0, sums[i][0]);
      sums[i][1] = _mm512_fmadd_pd(left, y1, sums[i][1]);
      sums[i][2] = _mm512_fmadd_pd(left, y2, sums[i][2]);
    }
  }
  for (int64_t i = 0; i < kDownPairs; ++i)
    for (int64_t c = 0; c < 3; ++c) _mm512_storeu_pd(out + i * kWidePairs + c * 8, sums[i][c]);
}
inline const bool kHasLanesOf8 = __builtin_cpu_supports("avx512f");
#endif

inline void add_products(double* out, const double* x, const double* y, int64_t depth) {
#if defined(__AVX2__) && defined(__FMA__)
  if (kHasLanesOf8) return add_products_by_8(out, x, y, depth);
#endif
  add_products_by_4(out, x, y, depth);
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
