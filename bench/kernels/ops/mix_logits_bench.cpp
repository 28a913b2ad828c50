#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/mix_logits.h"

namespace crc::bench {

void mix_logits_cases(Suite& suite) {
  const int64_t b = suite.scale.at_most(64, 1), classes = kWrnClasses;
  suite.add({.op = "mix_logits",
             .shape = extents(b, classes) + " f32",
             .bytes = 12.0 * double(b * classes),
             .setup = [=](Inputs& in) {
               const auto mixed = in.uniform<float, 2>({b, classes}), joint = in.uniform<float, 2>({b, classes});
               const auto alone = in.uniform<float, 2>({b, classes});
               const auto state = in.state();
               return Run([=, &context = in.context] { mix_logits(context, mixed, joint, alone, state, 1u); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto x = oracle.host(joint), y = oracle.host(alone);
                            const int64_t step = oracle.host(state)[0].step;
                            oracle.poison(mixed);
                            work();
                            return oracle.compare(mixed, NumericClass::point, [&](int64_t i) {
                              const double r = Draws(1, Purpose::interpolation, i, step).uniform();
                              return r * x[size_t(i)] + (1 - r) * y[size_t(i)];
                            });
                          });
             }});
}

}  // namespace crc::bench
