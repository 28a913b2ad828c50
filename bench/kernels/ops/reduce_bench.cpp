#include <numeric>

#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/reduce.h"

namespace crc::bench {

void reduce_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(kWrnParameters, 1000);
  suite.add({.op = "sum",
             .shape = extents(n) + " f32",
             .flops = double(n),
             .bytes = 4.0 * double(n),
             .setup = [n](Inputs& in) {
               const auto x = in.uniform<float, 1>({n}), out = in.uniform<float, 1>({1});
               return Run([=, &context = in.context] { sum(context, out, x); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto values = oracle.host(x);
                            oracle.poison(out);
                            work();
                            return oracle.compare(out, NumericClass::reduce, [&](int64_t) {
                              return std::accumulate(values.begin(), values.end(), 0.0);
                            });
                          });
             }});
}

}  // namespace crc::bench
