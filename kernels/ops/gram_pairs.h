// gram_accumulate (gram_accumulate.h) for GPUs whose fp64 units are few: k[b] += a[b] c[b]^T with every product and sum
// in pairs of fp32 numbers. k [B,N,M] fp64, a [B,N,P], c [B,M,P] fp32; c may be a.
// A product of two fp32 numbers is a pair without error (Dekker 1971, by a fused multiply-add), and so is the sum of
// two (Knuth): Dot2 of Ogita, Rump and Oishi, "Accurate sum and dot product" (SIAM J. Sci. Comput. 26, 2005),
// algorithm 5.3. Rows are first scaled by powers of two to a largest magnitude in [1/2, 1), so that errors do not
// leave fp32's range. Order: columns are cut into parts by the shape alone (pair_parts), a part into panels of
// kPairPanel; a panel is one chain of Dot2 over its columns, panels add up in fp64 in order, and so do parts. The same
// bits on every device. Error of a panel, before the sums in fp64: at most (n u)^2 / (1 - n u)^2 sum |a_p c_p| with n
// = kPairPanel and u = 2^-24 (their proposition 5.5), which is 2^-34; rounding errors of either sign stay below 2^-43
// of the largest entry, and panels average them. Class: pairs.
// Scratch: parts x B*N*M doubles, and an exponent for each row. gram_accumulate takes it on a GPU where it wins at the
// gate (kernels/core/gate.h).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/core/op.h"

namespace crc {

CRC_OP(void, gram_pairs, (View<double, 3> k, View<const float, 3> a, View<const float, 3> c))

inline constexpr int kPairPanel =
    128;  // columns: a panel's end costs four operations in fp64, 2 of 64 for each product

// A sum of products as two fp32 numbers, sum + rest.
struct PairSum {
  float sum = 0, rest = 0;

  CRC_HD void add_product(float x, float y) {
    const float product = x * y, product_rest = fmaf(x, y, -product);
    const float total = sum + product, added = total - sum;
    const float lost = (sum - (total - added)) + (product - added);
    sum = total;
    rest += lost + product_rest;
  }
  CRC_HD double value() const { return double(sum) + double(rest); }
};

// The scale of rows as exponents of two: a row times 2^-exponent is below 1.
struct RowExponent {
  static constexpr int kMost = 126;  // both 2^126 and 2^-126 are normal fp32 numbers
  static CRC_HD int of(float largest) {
    int exponent = 0;
    if (largest > 0 && largest <= 3.402823466e38f) frexpf(largest, &exponent);
    return exponent < -kMost ? -kMost : exponent > kMost ? kMost : exponent;
  }
  static CRC_HD float scale(int exponent) { return ldexpf(1, -exponent); }
};

// How the columns [begin, end) are cut. A block of the GPU sums a tile of kTile x kTile entries over a part.
struct PairParts {
  int64_t tile, row_tiles, column_tiles;
  int64_t parts, length;  // parts of `length` columns each, but for the last
};
inline PairParts pair_parts(int64_t batch, int64_t n, int64_t m, int64_t columns) {
  constexpr int64_t kBlocks = 1024;            // a few rounds of blocks on the largest of these GPUs
  constexpr int64_t kLeast = 32 * kPairPanel;  // columns: of fewer, adding up the parts is felt
  const auto cut = [](int64_t whole, int64_t size) { return (whole + size - 1) / size; };
  const int64_t tile = n <= 16 && m <= 16 ? 16 : 64, rows = cut(n, tile), across = cut(m, tile);
  const int64_t blocks = std::max<int64_t>(1, batch * rows * across);
  const int64_t parts = std::clamp<int64_t>(kBlocks / blocks, 1, std::max<int64_t>(1, cut(columns, kLeast)));
  const int64_t length = cut(cut(columns, parts), kPairPanel) * kPairPanel;
  return {tile, rows, across, length == 0 ? 0 : cut(columns, length), length};
}

// Adds up what the parts left in sums [parts, B*N*M], and undoes the scale.
struct AddPairParts {
  double* k;
  const double* sums;
  const int32_t *a, *c;  // exponents [B*N], [B*M]
  int64_t n, m, parts, size;

  CRC_HD void operator()(int64_t i) const {
    double total = 0;
    for (int64_t part = 0; part < parts; ++part) total += sums[part * size + i];
    const int64_t row = i / m;
    k[i] += ldexp(total, a[row] + c[row / n * m + i % m]);
  }
};

// Checks the shapes of both backends' calls.
inline PairParts check_gram_pairs(View<double, 3> k, View<const float, 3> a, View<const float, 3> c) {
  const int64_t batch = k.shape[0], n = k.shape[1], m = k.shape[2], columns = a.shape[2];
  check_shape("gram_pairs", a, {batch, n, columns});
  check_shape("gram_pairs", c, {batch, m, columns});
  return pair_parts(batch, n, m, columns);
}

}  // namespace crc
