#include <cmath>

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
               return Run(
                   [=, state = in.state(), &context = in.context] {
                     adam_step(context, w, View<bf16, 1>{}, m, v, g, state, AdamConfig{});
                   },
                   [=, rate = double(Inputs::kLearningRate)](const Oracle& oracle, const Run::Work& work) {
                     const auto w0 = oracle.host(w), m0 = oracle.host(m), v0 = oracle.host(v), g0 = oracle.host(g);
                     const AdamConfig config;
                     const double t = Inputs::kStep + 1;
                     work();
                     return oracle.compare(w, NumericClass::point, [&](int64_t index) {
                       const size_t i = size_t(index);
                       const double first = config.beta1 * m0[i] + (1 - config.beta1) * g0[i];
                       const double second = config.beta2 * v0[i] + (1 - config.beta2) * double(g0[i]) * g0[i];
                       return w0[i] - rate / (1 - std::pow(config.beta1, t)) * first /
                                          (std::sqrt(second / (1 - std::pow(config.beta2, t))) + double(config.eps));
                     });
                   });
             }});
}

}  // namespace crc::bench
