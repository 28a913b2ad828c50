#include <cmath>

#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/dash.h"

namespace crc::bench {

void dash_cases(Suite& suite) {
  const int64_t m = suite.scale.at_most(448, 1), classes = kWrnClasses;
  suite.add({.op = "dash_targets",
             .shape = extents(m, classes) + " f32",
             .flops = 10.0 * double(m * classes),
             .bytes = 8.0 * double(m * classes),
             .setup = [=](Inputs& in) {
               const auto weak = in.uniform<float, 2>({m, classes}, -3, 3), target = in.uniform<float, 2>({m, classes});
               const auto weight = in.uniform<float, 1>({m}), level = in.uniform<float, 1>({1});
               const auto rho = in.uniform<float, 1>({1}, 1, 2);
               const auto state = in.state();
               return Run(
                   [=, &context = in.context] {
                     dash_targets(context, weight, target, level, weak, rho, state, DashConfig{.warmup = 0});
                   },
                   [=](const Oracle& oracle, const Run::Work& work) {
                     const auto x = oracle.host(weak);
                     oracle.poison(target);
                     work();
                     return oracle.compare(target, NumericClass::reduce, [&](int64_t i) {
                       double total = 0;
                       for (int64_t c = 0; c < classes; ++c)
                         total += std::exp(2 * (double(x[size_t(i / classes * classes + c)]) - x[size_t(i)]));
                       return 1 / total;
                     });
                   });
             }});
}

}  // namespace crc::bench
