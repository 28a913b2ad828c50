#include "crc/exact_moment.h"

#include <algorithm>
#include <cmath>

#include "kernels/core/ranks.h"
#include "kernels/ops/exact_slices.h"
#include "kernels/ops/gemm.h"

namespace crc::select {

// A product of two integers of b bits has 2b bits, a sum of n of them 2b + log2 n: at most 53. With slices down to
// 2^-53 of a column's bound, pairs whose product is below that are left out.
ExactMoment::ExactMoment(std::span<const double> largest, int64_t rows, const Context& context)
    : context_(context), width_(int64_t(largest.size())) {
  int headroom = 1;
  while ((int64_t(1) << headroom) < rows) ++headroom;
  bits_ = (53 - headroom) / 2;
  slices_ = (53 + bits_ - 1) / bits_;
  std::vector<int32_t> exponents;
  std::vector<double> unit;
  for (double bound : largest) {
    int exponent = 0;
    std::frexp(bound, &exponent);  // bound < 2^exponent
    exponents.push_back(bound > 0 ? exponent : 0);
    unit.push_back(std::ldexp(1.0, -exponents.back()));
  }
  exponents_ = Tensor::from_host(context_, {width_}, exponents.data(), "exponents");
  unit_ = Tensor::from_host(context_, {width_}, unit.data(), "units");
  products_ = Tensor(context_, {slice_products(slices_), width_, width_}, Dtype::f64, "products of slices");
}

void ExactMoment::add_rows(View<const double, 2> rows) {
  constexpr int64_t kSliceBytes = 32ll << 20;  // of scratch memory
  const int64_t most = std::max<int64_t>(1, kSliceBytes / (slices_ * width_ * int64_t(sizeof(double))));
  for (int64_t begin = 0; begin < rows.shape[0]; begin += most)
    add_block(rows.slice(begin, std::min(begin + most, rows.shape[0])));
}

void ExactMoment::add_block(View<const double, 2> rows) {
  const int64_t n = rows.shape[0];
  const Arena::Frame frame(context_.scratch());
  const auto cut = context_.scratch().take<double>({slices_, n, width_}, "slices");
  exact_slices(context_, cut, rows, unit_.view<const double, 1>(), bits_);
  const auto slice = [&](int64_t s) {
    return View<const double, 2>{cut.data + s * n * width_, {n, width_}, cut.device, cut.name};
  };
  const auto products = products_.view<double, 3>();
  double* sums = products.data;
  for (int64_t i = 0; i < slices_; ++i)
    for (int64_t j = i; i + j < slices_; ++j, sums += width_ * width_)
      gemm(context_, View<double, 2>{sums, {width_, width_}, products.device, products.name}, slice(i), slice(j),
           GemmConfig{.transpose_a = true, .beta = 1});
}

void ExactMoment::add(std::span<const double> rows) {
  add_rows(View<const double, 2>{rows.data(), {int64_t(rows.size()) / width_, width_}, {}, "rows"});
}

void ExactMoment::sum(Ranks& ranks) {
  std::vector<double> sums = products_.to_host<double>(context_);
  ranks.sum(sums);
  context_.copy_in(products_.view<double, 1>(), sums.data());
}

std::vector<double> ExactMoment::matrix() {
  const Tensor m(context_, {width_, width_}, Dtype::f64, "moment matrix");
  join_slices(context_, m.view<double, 2>(), products_.view<const double, 3>(), exponents_.view<const int32_t, 1>(),
              slices_, bits_);
  return m.to_host<double>(context_);
}

}  // namespace crc::select
