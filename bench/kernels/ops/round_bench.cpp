#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/round.h"

namespace crc::bench {

void round_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(kWrnParameters, 1000);
  suite.add({.op = "round_values", .shape = extents(n) + " bf16", .bytes = 6.0 * double(n), .setup = [n](Inputs& in) {
               const auto y = in.uniform<bf16, 1>({n});
               const auto x = in.uniform<float, 1>({n});
               return Run([=, &context = in.context] { round_values(context, y, x); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto from = oracle.host(x);
                            work();
                            return oracle.compare(y, NumericClass::exact,
                                                  [&](int64_t i) { return double(float(bf16(from[size_t(i)]))); });
                          });
             }});
}

}  // namespace crc::bench
