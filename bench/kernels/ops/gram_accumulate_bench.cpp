#include "bench/cases.h"
#include "kernels/ops/gram_accumulate.h"

namespace crc::bench {

// A stage-3 convolution of WRN-28-2 in the full NTK: 100 labelled items and one class against themselves.
void gram_accumulate_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(100, 3), parameters = suite.scale.at_most(9 * 128 * 128, 50);
  suite.add({.op = "gram_accumulate",
             .shape = extents(n, n) + " of " + extents(parameters),
             .flops = 2.0 * double(n * n * parameters),
             .bytes = 4.0 * double(n * parameters) + 16.0 * double(n * n),
             .arithmetic = Arithmetic::fp64,
             .setup =
                 [=](Inputs& in) {
                   const auto k = in.uniform<double, 3>({1, n, n});
                   const auto a = in.uniform<float, 3>({1, n, parameters});
                   return Run([=, &context = in.context] { gram_accumulate(context, k, a, a); },
                              [=](const Oracle& oracle, const Run::Work& work) {
                                const auto rows = oracle.host(a);
                                oracle.zero(k);
                                work();
                                return oracle.compare(
                                    k, NumericClass::library,
                                    [&](int64_t i) {
                                      const auto x = rows.begin() + i / n * parameters,
                                                 y = rows.begin() + i % n * parameters;
                                      long double total = 0;  // so many terms that fp64 would not be a reference
                                      for (int64_t e = 0; e < parameters; ++e) total += double(x[e]) * double(y[e]);
                                      return double(total);
                                    },
                                    parameters);
                              });
                 },
             .path = suite.scale.cuda ? "cuBLAS" : "OpenBLAS"});
}

}  // namespace crc::bench
