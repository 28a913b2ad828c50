#include <algorithm>
#include <cmath>

#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/pseudo_weight.h"

namespace crc::bench {

void pseudo_weight_cases(Suite& suite) {
  const int64_t m = suite.scale.at_most(448, 16), classes = kWrnClasses;
  suite.add({.op = "keep_above", .shape = extents(m), .bytes = 12.0 * double(m), .setup = [=](Inputs& in) {
               const auto weight = in.uniform<float, 1>({m}), confidence = in.uniform<float, 1>({m}, 0, 1);
               const auto threshold = in.uniform<float, 1>({classes}, 0, 1);
               const auto label = in.uniform<int32_t, 1>({m}, 0, double(classes));
               return Run([=, &context = in.context] { keep_above(context, weight, confidence, label, threshold); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto sure = oracle.host(confidence), least = oracle.host(threshold);
                            const auto labels = oracle.host(label);
                            oracle.poison(weight);
                            work();
                            return oracle.compare(weight, NumericClass::exact, [&](int64_t n) {
                              return sure[size_t(n)] >= least[size_t(labels[size_t(n)])];
                            });
                          });
             }});
  suite.add({.op = "gaussian_weight", .shape = extents(m), .bytes = 8.0 * double(m), .setup = [=](Inputs& in) {
               const auto weight = in.uniform<float, 1>({m}), confidence = in.uniform<float, 1>({m}, 0, 1);
               const auto mean = in.uniform<float, 1>({1}, 0.5, 1), variance = in.uniform<float, 1>({1}, 0.1, 1);
               return Run(
                   [=, &context = in.context] { gaussian_weight(context, weight, confidence, mean, variance, 2.0f); },
                   [=](const Oracle& oracle, const Run::Work& work) {
                     const auto sure = oracle.host(confidence), middle = oracle.host(mean),
                                spread = oracle.host(variance);
                     oracle.poison(weight);
                     work();
                     return oracle.compare(weight, NumericClass::reduce, [&](int64_t n) {
                       const double below = std::min(double(sure[size_t(n)]) - middle[0], 0.0);
                       return std::exp(-2 * below * below / spread[0]);
                     });
                   });
             }});
}

}  // namespace crc::bench
