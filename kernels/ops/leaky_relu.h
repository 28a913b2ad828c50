// LeakyReLU: y = x > 0 ? x : slope*x;  backward dx = (x > 0 ? 1 : slope) * dy. In place allowed. Class: point.
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct LeakyRelu {
  float slope;
  CRC_HD float operator()(float x) const {
    const float scaled = slope * x;
    return x > 0 ? x : scaled;
  }
};
struct LeakyReluBackward {
  float slope;
  CRC_HD float operator()(float dy, float x) const {
    const float scaled = slope * dy;
    return x > 0 ? dy : scaled;
  }
};

CRC_OP(void, leaky_relu, (View<float, 1> y, View<const float, 1> x, float slope))
CRC_OP(void, leaky_relu_backward, (View<float, 1> dx, View<const float, 1> dy, View<const float, 1> x, float slope))

}  // namespace crc
