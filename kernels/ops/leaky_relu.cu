#include "kernels/cuda/map.cuh"
#include "kernels/ops/leaky_relu.h"

namespace crc {

void leaky_relu(Cuda& cuda, View<float, 1> y, View<const float, 1> x, float slope) {
  check_shape("leaky_relu", x, {y.size()});
  map(cuda, "leaky_relu", y, LeakyRelu{slope}, x);
}

void leaky_relu_backward(Cuda& cuda, View<float, 1> dx, View<const float, 1> dy, View<const float, 1> x, float slope) {
  check_shape("leaky_relu_backward", dy, {dx.size()});
  check_shape("leaky_relu_backward", x, {dx.size()});
  map(cuda, "leaky_relu_backward", dx, LeakyReluBackward{slope}, dy, x);
}

}  // namespace crc
