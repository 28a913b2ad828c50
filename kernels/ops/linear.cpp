#include "kernels/ops/linear.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void linear(Cpu& cpu, View<float, 2> y, View<const float, 2> x, View<const float, 2> w, View<const float, 1> bias) {
  linear_product(cpu, y, x, w, bias);
  for_each(cpu, y.size(), AddLinearBias{y.data, bias.data, bias.size()});
}

void linear_backward(Cpu& cpu, View<float, 2> dx, View<float, 2> dw, View<float, 1> dbias, View<const float, 2> dy,
                     View<const float, 2> x, View<const float, 2> w) {
  linear_backward_products(cpu, dx, dw, dbias, dy, x, w);
  for (int64_t c = 0; c < dy.shape[1]; ++c) {
    double total = 0;
    for (int64_t n = 0; n < dy.shape[0]; ++n) total += dy(n, c);
    dbias[c] += float(total);
  }
}

}  // namespace crc
