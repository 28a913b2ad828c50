#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/consistency.h"

namespace crc::bench {

void consistency_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(100, 1), classes = kWrnClasses;
  suite.add({.op = "softmax_mse",
             .shape = extents(n, classes) + " f32",
             .flops = 12.0 * double(n * classes),
             .bytes = 4.0 * double(3 * n * classes + n),
             .setup = [=](Inputs& in) {
               const auto dlogits = in.uniform<float, 2>({n, classes}), logits = in.uniform<float, 2>({n, classes});
               const auto target = in.uniform<float, 2>({n, classes});
               const auto losses = in.uniform<float, 1>({n});
               return [=, state = in.state(), &context = in.context] {
                 softmax_mse(context, dlogits, losses, View<const float, 2>(logits), View<const float, 2>(target),
                             View<const float, 1>{}, state, 1.0f / float(n));
               };
             }});
}

}  // namespace crc::bench
