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
               return [=, state = in.state(), &context = in.context] {
                 ema_update(context, ema, View<const float, 1>(w), state);
               };
             }});
}

}  // namespace crc::bench
