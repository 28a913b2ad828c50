#include "crc/exact_moment.h"

#include <cmath>

#include "kernels/core/ranks.h"
#include "kernels/ops/gemm.h"

namespace crc::select {

// A product of two integers of b bits has 2b bits, a sum of n of them 2b + log2 n: at most 53. With slices down to
// 2^-53 of a column's bound, pairs whose product is below that are left out.
ExactMoment::ExactMoment(std::span<const double> largest, int64_t rows)
    : width_(int64_t(largest.size())), host_(Context::cpu()) {
  int headroom = 1;
  while ((int64_t(1) << headroom) < rows) ++headroom;
  bits_ = (53 - headroom) / 2;
  slices_ = (53 + bits_ - 1) / bits_;
  for (double bound : largest) {
    int exponent = 0;
    std::frexp(bound, &exponent);  // bound < 2^exponent
    exponent_.push_back(bound > 0 ? exponent : 0);
  }
  for (int i = 0; i < slices_; ++i)
    for (int j = i; i + j < slices_; ++j) products_.push_back({i, j, std::vector<double>(width_ * width_)});
}

void ExactMoment::add(std::span<const double> rows) {
  const int64_t n = int64_t(rows.size()) / width_;
  if (n == 0) return;
  const double shift = std::ldexp(1.0, bits_);
  std::vector<double> cut(slices_ * n * width_), unit;  // [slices,n,width] integers
  for (int exponent : exponent_) unit.push_back(std::ldexp(1.0, -exponent));
  for (int64_t k = 0; k < n * width_; ++k) {
    double rest = rows[k] * unit[k % width_];  // below 1
    for (int s = 0; s < slices_; ++s) {
      rest *= shift;
      const double integer = std::nearbyint(rest);
      cut[s * n * width_ + k] = integer;
      rest -= integer;
    }
  }
  const auto slice = [&](int s) {
    return View<const double, 2>{cut.data() + s * n * width_, {n, width_}, {}, "slice"};
  };
  for (Product& p : products_)
    gemm(host_, View<double, 2>{p.sums.data(), {width_, width_}, {}, "sums"}, slice(p.i), slice(p.j),
         GemmConfig{.transpose_a = true, .beta = 1});
}

void ExactMoment::sum(Ranks& ranks) {
  for (Product& p : products_) ranks.sum(p.sums);
}

std::vector<double> ExactMoment::matrix() const {
  std::vector<double> m(width_ * width_);
  for (int64_t i = 0; i < width_; ++i)
    for (int64_t j = 0; j <= i; ++j) {
      double total = 0;
      for (auto p = products_.rbegin(); p != products_.rend(); ++p) {  // the smallest first
        const double sum = p->i == p->j ? p->sums[i * width_ + j] : p->sums[i * width_ + j] + p->sums[j * width_ + i];
        total += std::ldexp(sum, -bits_ * (p->i + p->j + 2));
      }
      m[i * width_ + j] = m[j * width_ + i] = std::ldexp(total, exponent_[i] + exponent_[j]);
    }
  return m;
}

}  // namespace crc::select
