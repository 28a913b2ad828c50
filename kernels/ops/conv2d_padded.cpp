#include "kernels/ops/conv2d_padded.h"

namespace crc {

void conv2d_padded(Cpu& cpu, View<bf16, 4> y, View<const bf16, 4> x, View<const float, 4> w,
                   View<const bf16, 4> rounded, Conv2dConfig config) {
  conv2d(cpu, y, x, w, View<const float, 1>{}, rounded, config);
}

void conv2d_padded_weight_gradient(Cpu& cpu, View<float, 4> dw, View<const bf16, 4> dy, View<const bf16, 4> x,
                                   Conv2dConfig config) {
  conv2d_backward_weights(cpu, dw, dy, x, config);
}

}  // namespace crc
