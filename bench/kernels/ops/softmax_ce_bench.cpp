#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/softmax_ce.h"

namespace crc::bench {

void softmax_ce_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(64, 1), m = suite.scale.at_most(448, 1), classes = kWrnClasses;
  suite.add({.op = "softmax_ce",
             .shape = extents(n, classes) + " f32",
             .flops = 5.0 * double(n * classes),
             .bytes = 8.0 * double(n * classes + n),
             .setup = [=](Inputs& in) {
               const auto dlogits = in.uniform<float, 2>({n, classes}), logits = in.uniform<float, 2>({n, classes});
               const auto losses = in.uniform<float, 1>({n});
               const auto labels = in.uniform<int32_t, 1>({n}, 0, double(classes));
               return [=, &context = in.context] {
                 softmax_ce(context, dlogits, losses, View<const float, 2>(logits), View<const int32_t, 1>(labels),
                            1.0f / float(n));
               };
             }});
  suite.add({.op = "confident_ce",
             .shape = extents(m, classes) + " f32",
             .flops = 9.0 * double(m * classes),
             .bytes = 12.0 * double(m * classes + m),
             .setup = [=](Inputs& in) {
               const auto dstrong = in.uniform<float, 2>({m, classes}), strong = in.uniform<float, 2>({m, classes});
               const auto weak = in.uniform<float, 2>({m, classes}, -5, 5);
               const auto losses = in.uniform<float, 1>({m}), mask = in.uniform<float, 1>({m});
               const auto pseudo = in.uniform<int32_t, 1>({m});
               return [=, &context = in.context] {
                 confident_ce(context, dstrong, losses, mask, pseudo, View<const float, 2>(weak),
                              View<const float, 2>(strong), ConfidentCeConfig{.scale = 1.0f / float(m)});
               };
             }});
}

}  // namespace crc::bench
