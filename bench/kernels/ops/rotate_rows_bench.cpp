#include "bench/cases.h"
#include "kernels/ops/rotate_rows.h"

namespace crc::bench {

// A pool in the basis of its labelled set: features of WRN-28-2.
void rotate_rows_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(50000, 50), width = 128, rank = 129;
  suite.add({.op = "rotate_rows",
             .shape = extents(n, width, rank) + " f64",
             .flops = 2.0 * double(n * rank * rank),
             .bytes = 8.0 * double(n * rank) + 4.0 * double(n * width),
             .arithmetic = Arithmetic::fp64,
             .setup = [=](Inputs& in) {
               const auto h = in.uniform<float, 2>({n, width});
               const auto rotation = in.uniform<double, 2>({width + 1, rank});
               const auto items = in.uniform<int64_t, 1>({n}, 0, double(n));
               const auto v = in.uniform<double, 2>({n, rank});
               return Run([=, &context = in.context] { rotate_rows(context, v, h, items, rotation, 0.5); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto x = oracle.host(h);
                            const auto r = oracle.host(rotation);
                            const auto rows = oracle.host(items);
                            oracle.poison(v);
                            work();
                            return oracle.compare(v, NumericClass::exact, [&](int64_t i) {
                              double sum = 0;
                              for (int64_t d = 0; d < width; ++d)
                                sum = std::fma(0.5 * double(x[size_t(rows[size_t(i / rank)] * width + d)]),
                                               r[size_t(d * rank + i % rank)], sum);
                              return std::fma(0.5, r[size_t(width * rank + i % rank)], sum);
                            });
                          });
             }});
}

}  // namespace crc::bench
