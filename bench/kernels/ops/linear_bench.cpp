#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/linear.h"

namespace crc::bench {

void linear_cases(Suite& suite) {
  const int64_t n = suite.scale.batch(), d = kWrnFeatures, classes = kWrnClasses;
  const double product = 2.0 * double(n * d * classes);
  Case c{.op = "linear",
         .shape = extents(n, d, classes) + " f32",
         .flops = product,
         .bytes = 4.0 * double(n * d + classes * d + classes + n * classes),
         .setup = [=](Inputs& in) {
           const auto x = in.uniform<float, 2>({n, d}), w = in.uniform<float, 2>({classes, d});
           const auto y = in.uniform<float, 2>({n, classes});
           const auto bias = in.uniform<float, 1>({classes});
           return [=, &context = in.context] {
             linear(context, y, View<const float, 2>(x), View<const float, 2>(w), View<const float, 1>(bias));
           };
         }};
  suite.add(c);
  c.op = "linear_backward";
  c.flops = 2 * product;
  c.bytes = 4.0 * double(2 * n * d + 3 * classes * d + 2 * classes + n * classes);
  c.setup = [=](Inputs& in) {
    const auto x = in.uniform<float, 2>({n, d}), w = in.uniform<float, 2>({classes, d});
    const auto dx = in.uniform<float, 2>({n, d}), dw = in.uniform<float, 2>({classes, d});
    const auto dy = in.uniform<float, 2>({n, classes});
    const auto dbias = in.uniform<float, 1>({classes});
    return [=, &context = in.context] {
      linear_backward(context, dx, dw, dbias, View<const float, 2>(dy), View<const float, 2>(x),
                      View<const float, 2>(w));
    };
  };
  suite.add(c);
}

}  // namespace crc::bench
