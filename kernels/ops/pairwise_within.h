// Which rows lie within a radius of each other: bit j % 64 of bits[i][j / 64] is 1 where |a_i - a_j|^2 < radius^2, as
// top_hat of kernels/ops/pairwise_tile.h measures it. bits [N, words_of(N)] i64, a [N,D]; bits of no row are 0. What would
// be N^2 numbers takes N^2 / 8 bytes: for a pool that greedy coverage asks about again and again. Class: exact. On the
// CPU half of the products, most of them in fp32.
#pragma once

#include "kernels/ops/pairwise_tile.h"

namespace crc {

constexpr int64_t kBitsOfWord = 64;
constexpr int64_t words_of(int64_t bits) { return (bits + kBitsOfWord - 1) / kBitsOfWord; }

CRC_OP(void, pairwise_within, (View<int64_t, 2> bits, PairedRows a, double radius))

// One word, straight from the definition.
struct WordWithin {
  int64_t* bits;
  const float* x;
  const double* squared;
  int64_t rows, width, words;
  double scale;

  CRC_HD void operator()(int64_t at) const {
    const int64_t i = at / words, first = at % words * kBitsOfWord;
    uint64_t word = 0;
    for (int64_t j = first; j < rows && j < first + kBitsOfWord; ++j) {
      double inner = 0;
      for (int64_t d = 0; d < width; ++d) inner = fma(double(x[i * width + d]), double(x[j * width + d]), inner);
      if (measured<Measure::top_hat>(inner, squared[i], squared[j], scale) > 0) word |= uint64_t(1) << (j - first);
    }
    bits[at] = int64_t(word);
  }
};

inline void check_within(View<int64_t, 2> bits, const PairedRows& a, double radius) {
  check_pairs("pairwise_within", a, a, {Measure::top_hat, radius});
  check_shape("pairwise_within", bits, {a.x.shape[0], words_of(a.x.shape[0])});
}

}  // namespace crc
