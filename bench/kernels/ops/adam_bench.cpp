#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/adam.h"

namespace crc::bench {

void adam_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(kWrnParameters, 1000);
  suite.add({.op = "adam_step",
             .shape = extents(n) + " f32",
             .flops = 13.0 * double(n),
             .bytes = 28.0 * double(n),  // w, m, v read and written, g read
             .setup = [n](Inputs& in) {
               const auto w = in.uniform<float, 1>({n}), m = in.uniform<float, 1>({n}), g = in.uniform<float, 1>({n});
               const auto v = in.uniform<float, 1>({n}, 0, 1);
               return [=, state = in.state(), &context = in.context] {
                 adam_step(context, w, m, v, View<const float, 1>(g), state, AdamConfig{});
               };
             }});
}

}  // namespace crc::bench
