#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/ema.h"

namespace crc::bench {

void ema_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(kWrnParameters, 1000);
  suite.add({.op = "ema_update",
             .shape = extents(n) + " f32",
             .flops = 3.0 * double(n),
             .bytes = 12.0 * double(n),
             .setup = [n](Inputs& in) {
               const auto ema = in.uniform<float, 1>({n}), w = in.uniform<float, 1>({n});
               return Run([=, state = in.state(),
                           &context = in.context] { ema_update(context, ema, View<bf16, 1>{}, w, state); },
                          [=, decay = double(Inputs::kEmaDecay)](const Oracle& oracle, const Run::Work& work) {
                            const auto e = oracle.host(ema), x = oracle.host(w);
                            work();
                            return oracle.compare(ema, NumericClass::point, [&](int64_t i) {
                              return decay * e[size_t(i)] + (1 - decay) * x[size_t(i)];
                            });
                          });
             }});
}

}  // namespace crc::bench
