#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/sgd.h"

namespace crc::bench {

void sgd_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(kWrnParameters, 1000);
  suite.add({.op = "sgd_step",
             .shape = extents(n) + " f32",
             .flops = 8.0 * double(n),
             .bytes = 20.0 * double(n),  // w, m read and written, g read
             .setup = [n](Inputs& in) {
               const auto w = in.uniform<float, 1>({n}), m = in.uniform<float, 1>({n}), g = in.uniform<float, 1>({n});
               return [=, state = in.state(), &context = in.context] {
                 sgd_step(context, w, m, View<const float, 1>(g), state, SgdConfig{.decayed = n});
               };
             }});
}

}  // namespace crc::bench
