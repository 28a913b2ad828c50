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

inline constexpr int64_t kWideScreen = kWide<float>;

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

// inner [4] = the inner products of four rows and y, where they lie.
inline void float_products(float* inner, const float* const (&x)[kDownPairs], const float* y, int64_t depth) {
  Floats sums[kDownPairs][2] = {};
  int64_t d = 0;
  for (; d + 16 <= depth; d += 16)
    for (int64_t half = 0; half < 2; ++half) {
      const Floats right = registerful(y + d + 8 * half);
      for (int64_t r = 0; r < kDownPairs; ++r)
        sums[r][half] = fused(registerful(x[r] + d + 8 * half), right, sums[r][half]);
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
