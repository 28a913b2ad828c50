#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/sgd.h"

namespace crc::bench {

void sgd_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(kWrnParameters, 1000);
  suite.add(
      {.op = "sgd_step",
       .shape = extents(n) + " f32",
       .flops = 8.0 * double(n),
       .bytes = 20.0 * double(n),  // w, m read and written, g read
       .setup = [n](Inputs& in) {
         const auto w = in.uniform<float, 1>({n}), m = in.uniform<float, 1>({n}), g = in.uniform<float, 1>({n});
         return Run(
             [=, state = in.state(), &context = in.context] {
               sgd_step(context, w, View<bf16, 1>{}, m, g, state, SgdConfig{.decayed = n});
             },
             [=, rate = double(Inputs::kLearningRate)](const Oracle& oracle, const Run::Work& work) {
               const auto w0 = oracle.host(w), m0 = oracle.host(m), g0 = oracle.host(g);
               const SgdConfig config;
               const auto gradient = [&](size_t i) { return double(g0[i]) + double(config.weight_decay) * w0[i]; };
               const auto momentum = [&](size_t i) { return double(config.momentum) * m0[i] + gradient(i); };
               work();
               return worse(oracle.compare(m, NumericClass::point, [&](int64_t i) { return momentum(size_t(i)); }),
                            oracle.compare(w, NumericClass::point, [&](int64_t i) {
                              const double along = gradient(size_t(i)) + double(config.momentum) * momentum(size_t(i));
                              return w0[size_t(i)] - rate * along;
                            }));
             });
       }});
}

}  // namespace crc::bench
