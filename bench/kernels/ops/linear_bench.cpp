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
         .setup =
             [=](Inputs& in) {
               const auto x = in.uniform<float, 2>({n, d}), w = in.uniform<float, 2>({classes, d});
               const auto y = in.uniform<float, 2>({n, classes});
               const auto bias = in.uniform<float, 1>({classes});
               return Run([=, &context = in.context] { linear(context, y, x, w, bias); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto hx = oracle.host(x), hw = oracle.host(w), hb = oracle.host(bias);
                            oracle.poison(y);
                            work();
                            return oracle.compare(
                                y, NumericClass::library,
                                [&](int64_t i) {
                                  double total = hb[size_t(i % classes)];
                                  for (int64_t k = 0; k < d; ++k)
                                    total += double(hx[size_t(i / classes * d + k)]) * hw[size_t(i % classes * d + k)];
                                  return total;
                                },
                                d);
                          });
             },
         .path = suite.scale.cuda ? "cuBLAS" : "OpenBLAS"};
  suite.add(c);
  c.op = "linear_backward";
  c.flops = 2 * product;
  c.bytes = 4.0 * double(2 * n * d + 3 * classes * d + 2 * classes + n * classes);
  c.setup = [=](Inputs& in) {
    const auto x = in.uniform<float, 2>({n, d}), w = in.uniform<float, 2>({classes, d});
    const auto dx = in.uniform<float, 2>({n, d}), dw = in.uniform<float, 2>({classes, d});
    const auto dy = in.uniform<float, 2>({n, classes});
    const auto dbias = in.uniform<float, 1>({classes});
    return Run([=, &context = in.context] { linear_backward(context, dx, dw, dbias, dy, x, w); },
               [=](const Oracle& oracle, const Run::Work& work) {
                 const auto hx = oracle.host(x), hw = oracle.host(w), hd = oracle.host(dy);
                 oracle.poison(dx);
                 oracle.zero(dw);
                 work();
                 return worse(oracle.compare(
                                  dx, NumericClass::library,
                                  [&](int64_t i) {
                                    double total = 0;
                                    for (int64_t c = 0; c < classes; ++c)
                                      total += double(hd[size_t(i / d * classes + c)]) * hw[size_t(c * d + i % d)];
                                    return total;
                                  },
                                  classes),
                              oracle.compare(
                                  dw, NumericClass::library,
                                  [&](int64_t i) {
                                    double total = 0;
                                    for (int64_t row = 0; row < n; ++row)
                                      total += double(hd[size_t(row * classes + i / d)]) * hx[size_t(row * d + i % d)];
                                    return total;
                                  },
                                  n));
               });
  };
  suite.add(c);
}

}  // namespace crc::bench
