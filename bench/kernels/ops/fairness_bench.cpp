#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/fairness.h"

namespace crc::bench {

void fairness_cases(Suite& suite) {
  const int64_t m = suite.scale.at_most(448, 16), classes = kWrnClasses;
  suite.add({.op = "fairness_rows",
             .shape = extents(m, classes) + " f32",
             .flops = 5.0 * double(m * classes),
             .bytes = 12.0 * double(m * classes),
             .setup = [=](Inputs& in) {
               const auto dx = in.uniform<float, 2>({m, classes}), p = in.uniform<float, 2>({m, classes}, 0, 1);
               const auto weight = in.uniform<float, 1>({m}, 0.5, 1), pull = in.uniform<float, 1>({classes});
               return Run([=, &context = in.context] { fairness_rows(context, dx, p, weight, pull, 1.0f); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto before = oracle.host(dx), rows = oracle.host(p), pulls = oracle.host(pull);
                            work();
                            return oracle.compare(dx, NumericClass::reduce, [&](int64_t i) {
                              double inner = 0;
                              for (int64_t c = 0; c < classes; ++c)
                                inner += double(pulls[size_t(c)]) * rows[size_t(i / classes * classes + c)];
                              return before[size_t(i)] +
                                     rows[size_t(i)] / double(m) * (pulls[size_t(i % classes)] - inner);
                            });
                          });
             }});
}

}  // namespace crc::bench
