#include <cmath>
#include <vector>

#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/target_ce.h"

namespace crc::bench {

namespace {

double share(const std::vector<float>& x, int64_t classes, int64_t n, int64_t c) {
  double total = 0;
  for (int64_t k = 0; k < classes; ++k)
    total += std::exp(double(x[size_t(n * classes + k)]) - x[size_t(n * classes + c)]);
  return 1 / total;
}

}  // namespace

void target_ce_cases(Suite& suite) {
  const int64_t m = suite.scale.at_most(448, 1), classes = kWrnClasses;
  suite.add(
      {.op = "label_ce",
       .shape = extents(m, classes) + " f32",
       .flops = 5.0 * double(m * classes),
       .bytes = 8.0 * double(m * classes + m),
       .setup = [=](Inputs& in) {
         const auto dx = in.uniform<float, 2>({m, classes}), x = in.uniform<float, 2>({m, classes});
         const auto losses = in.uniform<float, 1>({m}), weight = in.uniform<float, 1>({m}, 0, 1);
         const auto labels = in.uniform<int32_t, 1>({m}, 0, double(classes));
         const auto state = in.state();
         return Run(
             [=, &context = in.context] { label_ce(context, dx, losses, x, labels, weight, state, TargetCeConfig{}); },
             [=](const Oracle& oracle, const Run::Work& work) {
               const auto rows = oracle.host(x), keep = oracle.host(weight);
               const auto y = oracle.host(labels);
               oracle.poison(losses);
               work();
               return oracle.compare(losses, NumericClass::point, [&](int64_t n) {
                 return -keep[size_t(n)] * std::log(share(rows, classes, n, y[size_t(n)]));
               });
             });
       }});
  suite.add(
      {.op = "target_ce",
       .shape = extents(m, classes) + " f32",
       .flops = 7.0 * double(m * classes),
       .bytes = 12.0 * double(m * classes),
       .setup = [=](Inputs& in) {
         const auto dx = in.uniform<float, 2>({m, classes}), x = in.uniform<float, 2>({m, classes});
         const auto target = in.uniform<float, 2>({m, classes}, 0, 0.2);
         const auto losses = in.uniform<float, 1>({m}), weight = in.uniform<float, 1>({m}, 0, 1);
         const auto state = in.state();
         return Run(
             [=, &context = in.context] { target_ce(context, dx, losses, x, target, weight, state, TargetCeConfig{}); },
             [=](const Oracle& oracle, const Run::Work& work) {
               const auto rows = oracle.host(x), keep = oracle.host(weight), wanted = oracle.host(target);
               oracle.poison(losses);
               work();
               return oracle.compare(losses, NumericClass::reduce, [&](int64_t n) {
                 double sum = 0;
                 for (int64_t c = 0; c < classes; ++c)
                   sum -= wanted[size_t(n * classes + c)] * std::log(share(rows, classes, n, c));
                 return keep[size_t(n)] * sum;
               });
             });
       }});
}

}  // namespace crc::bench
