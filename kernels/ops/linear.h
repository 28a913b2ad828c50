// Fully connected layer: y = x w^T + bias;  x [N,D]  w [C,D]  bias [C]  y [N,C].
// Backward: dx = dy w (skipped where dx is empty); dw += dy^T x; dbias += column sums of dy. fp32. Class: library.
#pragma once

#include "kernels/core/op.h"

namespace crc {

CRC_OP(void, linear, (View<float, 2> y, View<const float, 2> x, View<const float, 2> w, View<const float, 1> bias))
CRC_OP(void, linear_backward,
       (View<float, 2> dx, View<float, 2> dw, View<float, 1> dbias, View<const float, 2> dy, View<const float, 2> x,
        View<const float, 2> w))

}  // namespace crc
