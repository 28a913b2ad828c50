#include <algorithm>
#include <cmath>

#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/softmax_ce.h"

namespace crc::bench {

namespace {

// softmax(row n of x)_c in fp64
double softmax_at(const std::vector<float>& x, int64_t classes, int64_t n, int64_t c) {
  double total = 0;
  for (int64_t k = 0; k < classes; ++k)
    total += std::exp(double(x[size_t(n * classes + k)]) - x[size_t(n * classes + c)]);
  return 1 / total;
}

}  // namespace

void softmax_ce_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(64, 1), m = suite.scale.at_most(448, 1), classes = kWrnClasses;
  suite.add(
      {.op = "softmax_ce",
       .shape = extents(n, classes) + " f32",
       .flops = 5.0 * double(n * classes),
       .bytes = 8.0 * double(n * classes + n),
       .setup = [=](Inputs& in) {
         const auto dlogits = in.uniform<float, 2>({n, classes}), logits = in.uniform<float, 2>({n, classes});
         const auto losses = in.uniform<float, 1>({n});
         const auto labels = in.uniform<int32_t, 1>({n}, 0, double(classes));
         return Run(
             [=, &context = in.context] { softmax_ce(context, dlogits, losses, logits, labels, 1.0f / float(n)); },
             [=](const Oracle& oracle, const Run::Work& work) {
               const auto x = oracle.host(logits);
               const auto y = oracle.host(labels);
               oracle.poison(dlogits);
               oracle.poison(losses);
               work();
               return worse(
                   oracle.compare(losses, NumericClass::point,
                                  [&](int64_t i) { return -std::log(softmax_at(x, classes, i, y[size_t(i)])); }),
                   oracle.compare(dlogits, NumericClass::point, [&](int64_t i) {
                     const int64_t row = i / classes, c = i % classes;
                     return (softmax_at(x, classes, row, c) - (c == y[size_t(row)])) / double(n);
                   }));
             });
       }});
  suite.add({.op = "confident_ce",
             .shape = extents(m, classes) + " f32",
             .flops = 9.0 * double(m * classes),
             .bytes = 12.0 * double(m * classes + m),
             .setup = [=](Inputs& in) {
               const auto dstrong = in.uniform<float, 2>({m, classes}), strong = in.uniform<float, 2>({m, classes});
               const auto weak = in.uniform<float, 2>({m, classes}, -5, 5);
               const auto losses = in.uniform<float, 1>({m}), mask = in.uniform<float, 1>({m});
               const auto pseudo = in.uniform<int32_t, 1>({m});
               return Run(
                   [=, &context = in.context] {
                     confident_ce(context, dstrong, losses, mask, pseudo, weak, strong,
                                  ConfidentCeConfig{.scale = 1.0f / float(m)});
                   },
                   [=](const Oracle& oracle, const Run::Work& work) {
                     const auto w = oracle.host(weak), s = oracle.host(strong);
                     oracle.poison(dstrong);
                     work();
                     return oracle.compare(dstrong, NumericClass::point, [&](int64_t i) {
                       const int64_t row = i / classes, c = i % classes;
                       const auto begin = w.begin() + row * classes;
                       const int64_t label = std::max_element(begin, begin + classes) - begin;
                       if (softmax_at(w, classes, row, label) < double(ConfidentCeConfig{}.threshold)) return 0.0;
                       return (softmax_at(s, classes, row, c) - (c == label)) / double(m);
                     });
                   });
             }});
}

}  // namespace crc::bench
