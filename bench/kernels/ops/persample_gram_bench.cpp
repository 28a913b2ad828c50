#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/persample_gram.h"

namespace crc::bench {

void persample_gram_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(512, 5), c = kWrnClasses, d = kWrnFeatures;
  const double entries = double(c * (d + 1));
  suite.add({.op = "persample_gram",
             .shape = extents(n, n) + " of " + extents(c, d + 1),
             .flops = 2.0 * double(n * n) * entries,
             .bytes = 8.0 * double(n * n) + 8.0 * double(n * (c + d)),
             .arithmetic = Arithmetic::fp64,
             .setup = [=](Inputs& in) {
               const auto delta = in.uniform<float, 2>({n, c}), h = in.uniform<float, 2>({n, d});
               const auto k = in.uniform<double, 2>({n, n});
               return Run(
                   [=, &context = in.context] {
                     const View<const float, 2> dv = delta, hv = h;
                     persample_gram(context, k, dv, hv, dv, hv, PersampleConfig{});
                   },
                   [=](const Oracle& oracle, const Run::Work& work) {
                     const auto dl = oracle.host(delta), hl = oracle.host(h);
                     const auto dot = [](const std::vector<float>& of, int64_t width, int64_t i, int64_t j) {
                       double total = 0;
                       for (int64_t e = 0; e < width; ++e)
                         total += double(of[size_t(i * width + e)]) * of[size_t(j * width + e)];
                       return total;
                     };
                     oracle.poison(k);
                     work();
                     // The closed form: the op itself adds the products entry by entry.
                     return oracle.compare(
                         k, NumericClass::library,
                         [&](int64_t i) { return dot(dl, c, i / n, i % n) * (dot(hl, d, i / n, i % n) + 1); },
                         c * (d + 1));
                   });
             }});
}

}  // namespace crc::bench
