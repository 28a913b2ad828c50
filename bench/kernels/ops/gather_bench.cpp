#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/gather.h"

namespace crc::bench {

void gather_cases(Suite& suite) {
  const int64_t items = suite.scale.at_most(50000, 100), picked = suite.scale.at_most(8192, 10), d = kWrnFeatures;
  suite.add({.op = "gather_rows",
             .shape = extents(picked, d) + " of " + extents(items) + " f32",
             .bytes = 8.0 * double(picked * d + picked),
             .setup = [=](Inputs& in) {
               const auto all = in.uniform<float, 2>({items, d}), out = in.uniform<float, 2>({picked, d});
               const auto rows = in.uniform<int64_t, 1>({picked}, 0, double(items));
               return Run([=, &context = in.context] { gather_rows(context, out, all, rows); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto from = oracle.host(all);
                            const auto row = oracle.host(rows);
                            oracle.poison(out);
                            work();
                            return oracle.compare(out, NumericClass::exact, [&](int64_t i) {
                              return double(from[size_t(row[size_t(i / d)] * d + i % d)]);
                            });
                          });
             }});
}

}  // namespace crc::bench
