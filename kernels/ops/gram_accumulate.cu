#include "kernels/core/numeric_class.h"
#include "kernels/cuda/contest.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/ops/gram_accumulate.h"
#include "kernels/ops/gram_pairs.h"

namespace crc {
namespace {

struct WidenElement {
  WidenPanel step;
  CRC_HD void operator()(int64_t i) const {
    const int64_t column = i % step.width;
    step(i / step.width, column, column + 1);
  }
};

void by_library(Cuda& cuda, View<double, 3> k, View<const float, 3> a, View<const float, 3> c) {
  accumulate_gram(cuda, k, a, c, kCudaGramPanel, [&](const WidenPanel& step, int64_t rows) {
    for_each(cuda, "gram_accumulate", rows * step.width, WidenElement{step});
  });
}

struct FirstColumns {
  float* to;  // [rows,width]
  const float* from;
  int64_t width, columns;
  CRC_HD void operator()(int64_t i) const { to[i] = from[i / width * columns + i % width]; }
};

View<const float, 3> first_columns(Cuda& cuda, View<const float, 3> x, int64_t width) {
  const auto few = cuda.scratch().take<float, 3>({x.shape[0], x.shape[1], width}, "rows on trial");
  for_each(cuda, "gram_accumulate", few.size(), FirstColumns{few.data, x.data, width, x.shape[2]});
  return few;
}

// Whether sums in pairs of fp32 are the gate's choice. Asked where fp64 is slow, of so many columns that panels average
// their errors; the contest is over the first of them, since all take long and a network has many widths.
bool by_pairs(Cuda& cuda, View<double, 3> k, View<const float, 3> a, View<const float, 3> c) {
  constexpr int kSlow = 32;
  constexpr int64_t kTrial = 32 * kPairPanel;
  if (cuda.fp32_per_fp64() < kSlow || k.size() == 0 || a.shape[2] < kTrial) return false;
  const std::string key = "gram_accumulate " + shape_string(k);
  const int64_t bytes =
      pair_parts(k.shape[0], k.shape[1], k.shape[2], a.shape[2]).parts * k.size() * int64_t(sizeof(double));
  const Arena::Frame frame(cuda.scratch());
  if (contest_due(cuda, key)) {
    const Arena::Unmeasured trial(cuda.scratch());
    const bool same = a.data == c.data && k.shape[1] == k.shape[2];
    k.data = cuda.scratch().take<double>({k.size()}, "Gram on trial").data;
    a = first_columns(cuda, a, kTrial), c = same ? a : first_columns(cuda, c, kTrial);
  }
  return choose_way(
             cuda, key,
             {{"cuBLAS", [&] { by_library(cuda, k, a, c); }},
              {"fp32 pairs", [&] { gram_pairs(cuda, k, a, c); }, bytes}},
             {Contested(k, true)},
             tolerance(NumericClass::library, Dtype::f64, kTrial) + tolerance(NumericClass::pairs, Dtype::f64)) == 1;
}

}  // namespace

void gram_accumulate(Cuda& cuda, View<double, 3> k, View<const float, 3> a, View<const float, 3> c) {
  if (by_pairs(cuda, k, a, c)) return gram_pairs(cuda, k, a, c);
  by_library(cuda, k, a, c);
}

}  // namespace crc
