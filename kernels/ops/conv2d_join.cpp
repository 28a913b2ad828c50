#include "kernels/ops/conv2d_join.h"

namespace crc {

bool conv2d_join(Cpu& cpu, View<float, 4> y, View<const float, 4> x, View<const float, 4> w, View<const float, 1> bias,
                 View<const float, 4> plus, Conv2dConfig config) {
  check_join("conv2d_join", plus, y);
  conv2d(cpu, y, x, w, bias, config);
  return false;
}
bool conv2d_join(Cpu& cpu, View<bf16, 4> y, View<const bf16, 4> x, View<const float, 4> w, View<const float, 1> bias,
                 View<const bf16, 4> rounded, View<const bf16, 4> plus, Conv2dConfig config) {
  check_join("conv2d_join", plus, y);
  conv2d(cpu, y, x, w, bias, rounded, config);
  return false;
}
bool conv2d_backward_data_join(Cpu& cpu, View<float, 4> dx, View<const float, 4> dy, View<const float, 4> w,
                               View<const float, 4> plus, Conv2dConfig config) {
  check_join("conv2d_backward_data_join", plus, dx);
  conv2d_backward_data(cpu, dx, dy, w, config);
  return false;
}
bool conv2d_backward_data_join(Cpu& cpu, View<bf16, 4> dx, View<const bf16, 4> dy, View<const float, 4> w,
                               View<const bf16, 4> rounded, View<const bf16, 4> plus, Conv2dConfig config) {
  check_join("conv2d_backward_data_join", plus, dx);
  conv2d_backward_data(cpu, dx, dy, w, rounded, config);
  return false;
}

}  // namespace crc
