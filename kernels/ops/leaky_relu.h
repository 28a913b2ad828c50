// LeakyReLU: y = x > 0 ? x : slope*x;  backward dx = (x > 0 ? 1 : slope) * dy. In place allowed. Class: point.
#pragma once

#include "kernels/core/op.h"

namespace crc {

CRC_OP(void, leaky_relu, (View<float, 1> y, View<const float, 1> x, float slope))
CRC_OP(void, leaky_relu_backward, (View<float, 1> dx, View<const float, 1> dy, View<const float, 1> x, float slope))

}  // namespace crc
