// Inner products of rows, 4 x 24 at a time in fp64 and 4 x 48 in fp32, by AVX-512 where the CPU has it. Every sum is one
// chain over the columns, of its two rows alone, in fp64 of fused multiply-adds: the same bits wherever in a tile a pair
// stands, and on any CPU.
#pragma once

#include <algorithm>
#include <type_traits>

#include "kernels/cpu/lanes.h"

namespace crc {

inline constexpr int64_t kDownPairs = 4, kWidePairs = 24;
inline constexpr int64_t kDeepPairs = 128;  // of a panel [128,24]: half of a first-level cache

// Columns of a panel: as many of either kind fill six registers of AVX2.
template <class Number> inline constexpr int64_t kWide = int64_t(kWidePairs * sizeof(double) / sizeof(Number));

template <class Number>
void add_products_by_half(Number* out, const Number* x, const Number* y, int64_t depth, int64_t columns) {
  constexpr int64_t wide = kWide<Number>, lanes = wide / 6;
  for (int64_t half = 0; half < columns; half += wide / 2) {  // 12 of AVX2's 16 registers hold sums
    decltype(registerful(out)) sums[kDownPairs][3];
    for (int64_t i = 0; i < kDownPairs; ++i)
      for (int64_t c = 0; c < 3; ++c) sums[i][c] = registerful(out + i * wide + half + c * lanes);
    for (int64_t d = 0; d < depth; ++d) {
      const Number* next = y + d * wide + half;
      const auto y0 = registerful(next), y1 = registerful(next + lanes), y2 = registerful(next + 2 * lanes);
      for (int64_t i = 0; i < kDownPairs; ++i) {
        const auto left = all(x[d * kDownPairs + i]);
        sums[i][0] = fused(left, y0, sums[i][0]);
        sums[i][1] = fused(left, y1, sums[i][1]);
        sums[i][2] = fused(left, y2, sums[i][2]);
      }
    }
    for (int64_t i = 0; i < kDownPairs; ++i)
      for (int64_t c = 0; c < 3; ++c) store(out + i * wide + half + c * lanes, sums[i][c]);
  }
}

#if defined(__AVX2__) && defined(__FMA__)
// Loops that the compiler vectorises, by registers of 512 bits where kHasLanesOf8 says that there are.
#if defined(__clang__)
#define CRC_LANES_OF_8 __attribute__((target("avx512f"), min_vector_width(512)))
#else
#define CRC_LANES_OF_8 __attribute__((target("avx512f,prefer-vector-width=512")))
#endif
#define CRC_AVX512 __attribute__((target("avx512f"), always_inline)) inline
CRC_AVX512 __m512d load_wide(const double* p) { return _mm512_loadu_pd(p); }
CRC_AVX512 __m512 load_wide(const float* p) { return _mm512_loadu_ps(p); }
CRC_AVX512 void store_wide(double* p, __m512d a) { _mm512_storeu_pd(p, a); }
CRC_AVX512 void store_wide(float* p, __m512 a) { _mm512_storeu_ps(p, a); }
CRC_AVX512 __m512d all_wide(double a) { return _mm512_set1_pd(a); }
CRC_AVX512 __m512 all_wide(float a) { return _mm512_set1_ps(a); }
CRC_AVX512 __m512d fused_wide(__m512d a, __m512d b, __m512d c) { return _mm512_fmadd_pd(a, b, c); }
CRC_AVX512 __m512 fused_wide(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
#undef CRC_AVX512

// The same by twice as wide registers: what is compiled for such CPUs cannot share a function with what is not.
template <int64_t registers, class Number>
__attribute__((target("avx512f"))) void add_products_by_whole(Number* out, const Number* x, const Number* y,
                                                              int64_t depth) {
  constexpr int64_t wide = kWide<Number>, lanes = wide / 3;
  decltype(load_wide(out)) sums[kDownPairs][registers];
  for (int64_t i = 0; i < kDownPairs; ++i)
    for (int64_t c = 0; c < registers; ++c) sums[i][c] = load_wide(out + i * wide + c * lanes);
  for (int64_t d = 0; d < depth; ++d) {
    const Number* next = y + d * wide;
    decltype(load_wide(out)) right[registers];
    for (int64_t c = 0; c < registers; ++c) right[c] = load_wide(next + c * lanes);
    for (int64_t i = 0; i < kDownPairs; ++i) {
      const auto left = all_wide(x[d * kDownPairs + i]);
      for (int64_t c = 0; c < registers; ++c) sums[i][c] = fused_wide(left, right[c], sums[i][c]);
    }
  }
  for (int64_t i = 0; i < kDownPairs; ++i)
    for (int64_t c = 0; c < registers; ++c) store_wide(out + i * wide + c * lanes, sums[i][c]);
}
inline const bool kHasLanesOf8 = __builtin_cpu_supports("avx512f");
#endif

// out [4,W] += the inner products of rows x [depth][4] and y [depth][W], W = kWide<Number>: at least of the first columns.
template <class Number>
void add_products(Number* out, const Number* x, const Number* y, int64_t depth, int64_t columns = kWide<Number>) {
#if defined(__AVX2__) && defined(__FMA__)
  if (kHasLanesOf8)
    return 3 * columns <= 2 * kWide<Number> ? add_products_by_whole<2>(out, x, y, depth)
                                            : add_products_by_whole<3>(out, x, y, depth);
#endif
  add_products_by_half(out, x, y, depth, columns);
}

// tile [n up to fours,W] = the inner products of n rows, packed by fours, and the first columns of a panel of W, or of
// all; zeros for the others.
template <class Number>
void multiply_tile(Number* tile, const Number* rows, int64_t n, const Number* panel, int64_t columns, int64_t depth) {
  constexpr int64_t wide = kWide<Number>;
  std::fill_n(tile, (n + kDownPairs - 1) / kDownPairs * kDownPairs * wide, Number(0));
  for (int64_t d = 0; d < depth; d += kDeepPairs)
    for (int64_t i = 0; i < n; i += kDownPairs)
      add_products(tile + i * wide, rows + i * depth + d * kDownPairs, panel + d * wide,
                   std::min(kDeepPairs, depth - d), columns);
}

// The same chains in fp64, of four rows against one, in place: packing would cost more than the products.
inline void multiply_row(double* out, const float* const (&x)[kDownPairs], const float* y, int64_t depth) {
  Lanes sum{};
  for (int64_t d = 0; d < depth; ++d)
    sum = fused(Lanes{double(x[0][d]), double(x[1][d]), double(x[2][d]), double(x[3][d])}, all(double(y[d])), sum);
  store(out, sum);
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

// `count` rows of `depth` numbers, row(r) the r-th, as doubles or floats [depth][wide]; zeros beyond them. Floats less an
// origin, where there is one.
template <int64_t wide, class Number, class Row>
void pack_rows(Number* to, int64_t depth, int64_t count, const Row& row, const float* origin = nullptr) {
  const auto four = [&](const auto* from, int64_t d) {
    if constexpr (std::is_same_v<Number, float>)
      return origin ? load_floats(from + d) - load_floats(origin + d) : load_floats(from + d);
    else
      return load(from + d);
  };
  for (int64_t r = 0; r < wide; r += 4) {
    int64_t d = 0;
    if (r + 4 <= count) {
      const auto *x0 = row(r), *x1 = row(r + 1), *x2 = row(r + 2), *x3 = row(r + 3);
      for (; d + 4 <= depth; d += 4) {
        auto q0 = four(x0, d), q1 = four(x1, d), q2 = four(x2, d), q3 = four(x3, d);
        transpose(q0, q1, q2, q3);
        Number* column = to + d * wide + r;
        store(column, q0), store(column + wide, q1), store(column + 2 * wide, q2), store(column + 3 * wide, q3);
      }
    }
    for (int64_t c = r; c < r + 4; ++c)  // what does not fill a square
      for (int64_t rest = d; rest < depth; ++rest)
        to[rest * wide + c] = c < count ? Number(row(c)[rest] - (origin ? origin[rest] : 0)) : 0;
  }
}

}  // namespace crc
