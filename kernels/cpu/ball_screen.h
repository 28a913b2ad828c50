// Which rows surely lie within a radius of each other, and which surely do not, by inner products in fp32: twice as many
// an instruction as in fp64. |x - y|^2 < r^2 where <x,y> > (|x|^2 - r^2) / 2 + |y|^2 / 2. A sum of n products, in any
// order, and what fp32 rounds of the right side differ from the exact ones by less than
//   w (|x|^2 + r^2) / 2 + w |y|^2 / 2,   w = 1.1 (n + 32) 2^-24,   n + 32 <= 2^20
// (gamma_n |x| |y| of Higham 2002, section 3.1, with |x| |y| <= (|x|^2 + |y|^2) / 2; fp64 sums differ by far less). Pairs
// in that band, and all where numbers are too large for fp32 or none, are in doubt.
#pragma once

#include <array>

#include "kernels/cpu/inner_products.h"

namespace crc {

inline constexpr int64_t kWideScreen = 2 * kWidePairs;

// A row's or a column's part of the band: of a pair, the sums of both parts.
struct Band {
  float low = INFINITY, high = INFINITY;  // of what is not there: surely far from everything
};
class Ball {
 public:
  Ball(double square, int64_t depth)
      : square_(square), rounding_(depth + 32 <= int64_t(1) << 20 ? 1.1 * double(depth + 32) * 0x1p-24 : INFINITY) {}
  Band row(double squared) const { return band(squared - square_, squared + square_); }
  Band column(double squared) const { return band(squared, squared); }

 private:
  Band band(double twice, double size) const {
    constexpr double kLarge = 0x1p120, kSmall = 0x1p-120;  // far from the largest number, far above the smallest
    const double width = rounding_ * size / 2 + kSmall;
    if (!(size < kLarge && width < kLarge)) return {-INFINITY, INFINITY};
    return {float(twice / 2 - width), float(twice / 2 + width)};
  }
  double square_, rounding_;
};

using Floats = float __attribute__((vector_size(32)));
using FourFloats = float __attribute__((vector_size(16)));

// `count` rows of `depth` floats, row(r) the r-th, as [depth][wide]; zeros beyond them.
template <int64_t wide, class Row> void pack_floats(float* to, int64_t depth, int64_t count, const Row& row) {
  for (int64_t r = 0; r < wide; r += 4) {
    int64_t d = 0;
    if (r + 4 <= count)
      for (; d + 4 <= depth; d += 4) {
        FourFloats q[4];
        for (int64_t c = 0; c < 4; ++c) __builtin_memcpy(&q[c], row(r + c) + d, sizeof q[c]);
        const FourFloats ab0 = __builtin_shufflevector(q[0], q[1], 0, 4, 1, 5),
                         ab1 = __builtin_shufflevector(q[0], q[1], 2, 6, 3, 7),
                         cd0 = __builtin_shufflevector(q[2], q[3], 0, 4, 1, 5),
                         cd1 = __builtin_shufflevector(q[2], q[3], 2, 6, 3, 7);
        q[0] = __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5), q[1] = __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7);
        q[2] = __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5), q[3] = __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7);
        for (int64_t c = 0; c < 4; ++c) __builtin_memcpy(to + (d + c) * wide + r, &q[c], sizeof q[c]);
      }
    for (int64_t c = r; c < r + 4; ++c)  // what does not fill a square
      for (int64_t rest = d; rest < depth; ++rest) to[rest * wide + c] = c < count ? row(c)[rest] : 0;
  }
}

inline Floats fused(Floats a, Floats b, Floats c) {
#if defined(__AVX2__) && defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}

// out [4,48] += the inner products of rows x [depth][4] and y [depth][48].
inline void add_float_products_by_8(float* out, const float* x, const float* y, int64_t depth) {
  for (int64_t half = 0; half < kWideScreen; half += 24) {
    Floats sums[kDownPairs][3];
    for (int64_t i = 0; i < kDownPairs; ++i) __builtin_memcpy(sums[i], out + i * kWideScreen + half, sizeof sums[i]);
    for (int64_t d = 0; d < depth; ++d) {
      Floats next[3];
      __builtin_memcpy(next, y + d * kWideScreen + half, sizeof next);
      for (int64_t i = 0; i < kDownPairs; ++i) {
        const float v = x[d * kDownPairs + i];
        const Floats left{v, v, v, v, v, v, v, v};
        for (int64_t c = 0; c < 3; ++c) sums[i][c] = fused(left, next[c], sums[i][c]);
      }
    }
    for (int64_t i = 0; i < kDownPairs; ++i) __builtin_memcpy(out + i * kWideScreen + half, sums[i], sizeof sums[i]);
  }
}

#if defined(__AVX2__) && defined(__FMA__)
__attribute__((target("avx512f"))) inline void add_float_products_by_16(float* out, const float* x, const float* y,
                                                                        int64_t depth) {
  __m512 sums[kDownPairs][3];
  for (int64_t i = 0; i < kDownPairs; ++i)
    for (int64_t c = 0; c < 3; ++c) sums[i][c] = _mm512_loadu_ps(out + i * kWideScreen + c * 16);
  for (int64_t d = 0; d < depth; ++d) {
    const float* next = y + d * kWideScreen;
    const __m512 y0 = _mm512_loadu_ps(next), y1 = _mm512_loadu_ps(next + 16), y2 = _mm512_loadu_ps(next + 32);
    for (int64_t i = 0; i < kDownPairs; ++i) {
      const __m512 left = _mm512_set1_ps(x[d * kDownPairs + i]);
      sums[i][0] = _mm512_fmadd_ps(left, y0, sums[i][0]);
      sums[i][1] = _mm512_fmadd_ps(left, y1, sums[i][1]);
      sums[i][2] = _mm512_fmadd_ps(left, y2, sums[i][2]);
    }
  }
  for (int64_t i = 0; i < kDownPairs; ++i)
    for (int64_t c = 0; c < 3; ++c) _mm512_storeu_ps(out + i * kWideScreen + c * 16, sums[i][c]);
}
#endif

inline void add_float_products(float* out, const float* x, const float* y, int64_t depth) {
#if defined(__AVX2__) && defined(__FMA__)
  if (kHasLanesOf8) return add_float_products_by_16(out, x, y, depth);
#endif
  add_float_products_by_8(out, x, y, depth);
}

// inner [4] = the inner products of four rows and y, where they lie.
inline void float_products(float* inner, const float* const (&x)[kDownPairs], const float* y, int64_t depth) {
  Floats sums[kDownPairs][2] = {};
  int64_t d = 0;
  for (; d + 16 <= depth; d += 16)
    for (int64_t half = 0; half < 2; ++half) {
      Floats right;
      __builtin_memcpy(&right, y + d + 8 * half, sizeof right);
      for (int64_t r = 0; r < kDownPairs; ++r) {
        Floats left;
        __builtin_memcpy(&left, x[r] + d + 8 * half, sizeof left);
        sums[r][half] = fused(left, right, sums[r][half]);
      }
    }
  for (int64_t r = 0; r < kDownPairs; ++r) {
    const Floats s = sums[r][0] + sums[r][1];
    inner[r] = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
    for (int64_t rest = d; rest < depth; ++rest) inner[r] += x[r][rest] * y[rest];
  }
}

// Of the 48 pairs of a row, by their inner products: a bit for each.
struct Sides {
  uint64_t inside = 0, outside = 0;
};
inline Sides sides(const float* inner, Band row, const float* low, const float* high) {
  Sides s;
#if defined(__AVX2__) && defined(__FMA__)
  const __m256 row_low = _mm256_set1_ps(row.low), row_high = _mm256_set1_ps(row.high);
  for (int64_t c = 0; c < kWideScreen; c += 8) {
    const __m256 at = _mm256_loadu_ps(inner + c);
    const __m256 in = _mm256_cmp_ps(at, row_high + _mm256_loadu_ps(high + c), _CMP_GT_OQ),
                 out = _mm256_cmp_ps(at, row_low + _mm256_loadu_ps(low + c), _CMP_LT_OQ);
    s.inside |= uint64_t(uint32_t(_mm256_movemask_ps(in))) << c;
    s.outside |= uint64_t(uint32_t(_mm256_movemask_ps(out))) << c;
  }
#else
  for (int64_t c = 0; c < kWideScreen; ++c) {
    s.inside |= uint64_t(inner[c] > row.high + high[c]) << c;
    s.outside |= uint64_t(inner[c] < row.low + low[c]) << c;
  }
#endif
  return s;
}

// 24 bits as 1 and 0.
inline void spread(double* values, uint64_t bits) {
  static constexpr std::array<std::array<double, 4>, 16> kFour = [] {
    std::array<std::array<double, 4>, 16> four{};
    for (size_t b = 0; b < 16; ++b)
      for (size_t c = 0; c < 4; ++c) four[b][c] = double(b >> c & 1);
    return four;
  }();
  for (int64_t c = 0; c < kWidePairs; c += 4) __builtin_memcpy(values + c, &kFour[bits >> c & 15], sizeof kFour[0]);
}

}  // namespace crc
