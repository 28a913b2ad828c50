// Convolutions (conv2d.h) whose result is added to something: a residual path, or the gradient of another one. Where
// the gate (kernels/core/gate.h) finds that cuDNN adds on the way, right and faster, they write
//   y = conv2d(x) + plus,   dx = conv2d_backward_data(dy) + plus
// and say true: one pass over memory less or two. Else they are conv2d and conv2d_backward_data, and say false: the
// caller adds. Which it is stays the same from an op's first call with a shape on; the contest leaves plus as it was.
// plus is of the output's shape and may not alias it. Fused: in bf16 where the weights come rounded, and in tf32,
// without a bias; the sum is rounded once, after the addition. Never on a CPU, nor in strict fp32, whose convolutions
// take so long that an addition is nothing beside them.
// Class: library. Errors: as conv2d.
#pragma once

#include "kernels/ops/conv2d.h"

namespace crc {

CRC_OP(bool, conv2d_join,
       (View<float, 4> y, View<const float, 4> x, View<const float, 4> w, View<const float, 1> bias,
        View<const float, 4> plus, Conv2dConfig config))
CRC_OP(bool, conv2d_join,
       (View<bf16, 4> y, View<const bf16, 4> x, View<const float, 4> w, View<const float, 1> bias,
        View<const bf16, 4> rounded, View<const bf16, 4> plus, Conv2dConfig config))
CRC_OP(bool, conv2d_backward_data_join,
       (View<float, 4> dx, View<const float, 4> dy, View<const float, 4> w, View<const float, 4> plus,
        Conv2dConfig config))
CRC_OP(bool, conv2d_backward_data_join,
       (View<bf16, 4> dx, View<const bf16, 4> dy, View<const float, 4> w, View<const bf16, 4> rounded,
        View<const bf16, 4> plus, Conv2dConfig config))

template <class T> void check_join(const char* op, const View<const T, 4>& plus, const View<T, 4>& out) {
  check_shape(op, plus, {out.shape[0], out.shape[1], out.shape[2], out.shape[3]});
}

}  // namespace crc
