#include "kernels/ops/leaky_relu.h"

#include "kernels/cpu/map.h"

namespace crc {

void leaky_relu(Cpu& cpu, View<float, 1> y, View<const float, 1> x, float slope) {
  check_shape("leaky_relu", x, {y.size()});
  map(cpu, y, LeakyRelu{slope}, x);
}

void leaky_relu_backward(Cpu& cpu, View<float, 1> dx, View<const float, 1> dy, View<const float, 1> x, float slope) {
  check_shape("leaky_relu_backward", dy, {dx.size()});
  check_shape("leaky_relu_backward", x, {dx.size()});
  map(cpu, dx, LeakyReluBackward{slope}, dy, x);
}

}  // namespace crc
