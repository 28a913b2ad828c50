#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/min_distance.h"

namespace crc::bench {

void min_distance_cases(Suite& suite) {
  const int64_t items = suite.scale.at_most(50000, 20), d = kWrnFeatures;
  suite.add({.op = "min_distance",
             .shape = extents(items, d),
             .flops = 3.0 * double(items * d),
             .bytes = 4.0 * double(items * d) + 16.0 * double(items),
             .arithmetic = Arithmetic::fp64,
             .setup = [=](Inputs& in) {
               const auto nearest = in.uniform<double, 1>({items}, 0, 200);
               const auto x = in.uniform<float, 2>({items, d});
               const auto center = in.uniform<float, 2>({1, d});
               return Run([=, &context = in.context] { min_distance(context, nearest, x, center); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto rows = oracle.host(x), from = oracle.host(center);
                            const auto before = oracle.host(nearest);
                            work();
                            return oracle.compare(nearest, NumericClass::exact, [&](int64_t i) {
                              double total = 0;
                              for (int64_t k = 0; k < d; ++k) {
                                const double step = double(rows[size_t(i * d + k)]) - double(from[size_t(k)]);
                                total += step * step;
                              }
                              return std::min(before[size_t(i)], total);
                            });
                          });
             }});
}

}  // namespace crc::bench
