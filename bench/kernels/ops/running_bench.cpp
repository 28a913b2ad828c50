#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/running.h"

namespace crc::bench {

void running_cases(Suite& suite) {
  const int64_t m = suite.scale.at_most(448, 16), classes = kWrnClasses;
  suite.add({.op = "running_mean",
             .shape = extents(m, classes) + " f32",
             .bytes = 4.0 * double(m * classes),
             .setup = [=](Inputs& in) {
               const auto average = in.uniform<float, 1>({classes}, 0, 1);
               const auto x = in.uniform<float, 2>({m, classes}, 0, 1);
               const auto state = in.state();
               return Run([=, &context = in.context] { running_mean(context, average, x, state, RunningConfig{}); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto before = oracle.host(average), rows = oracle.host(x);
                            work();
                            return oracle.compare(average, NumericClass::reduce, [&](int64_t c) {
                              double sum = 0;
                              for (int64_t n = 0; n < m; ++n) sum += rows[size_t(n * classes + c)];
                              return 0.999 * before[size_t(c)] + 0.001 * sum / double(m);
                            });
                          });
             }});
}

}  // namespace crc::bench
