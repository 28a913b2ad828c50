#include <cmath>

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
               return Run(
                   [=, state = in.state(), &context = in.context] {
                     softmax_mse(context, dlogits, losses, logits, target, View<const float, 1>{}, state,
                                 1.0f / float(n));
                   },
                   [=](const Oracle& oracle, const Run::Work& work) {
                     const auto x = oracle.host(logits), t = oracle.host(target);
                     const auto softmax = [&](const std::vector<float>& of, int64_t row, int64_t c) {
                       double total = 0;
                       for (int64_t k = 0; k < classes; ++k)
                         total += std::exp(double(of[size_t(row * classes + k)]) - of[size_t(row * classes + c)]);
                       return 1 / total;
                     };
                     oracle.poison(dlogits);
                     work();
                     return oracle.compare(dlogits, NumericClass::reduce, [&](int64_t i) {
                       const int64_t row = i / classes;
                       double inner = 0;  // <p, p - q>
                       for (int64_t c = 0; c < classes; ++c)
                         inner += softmax(x, row, c) * (softmax(x, row, c) - softmax(t, row, c));
                       const double p = softmax(x, row, i % classes), q = softmax(t, row, i % classes);
                       return 2 / double(classes * n) * p * (p - q - inner);
                     });
                   });
             }});
}

}  // namespace crc::bench
