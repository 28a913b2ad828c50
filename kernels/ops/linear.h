// Fully connected layer: y = x w^T + bias;  x [N,D]  w [C,D]  bias [C]  y [N,C].
// Backward: dx = dy w (skipped where dx is empty); dw += dy^T x; dbias += column sums of dy, added up in fp64 in a
// fixed order. fp32. Same bits for any number of threads. Class: library.
#pragma once

#include "kernels/core/op.h"
#include "kernels/ops/gemm.h"

namespace crc {

struct AddLinearBias {
  float* y;
  const float* bias;
  int64_t classes;
  CRC_HD void operator()(int64_t i) const { y[i] += bias[i % classes]; }
};

CRC_OP(void, linear, (View<float, 2> y, View<const float, 2> x, View<const float, 2> w, View<const float, 1> bias))
CRC_OP(void, linear_backward,
       (View<float, 2> dx, View<float, 2> dw, View<float, 1> dbias, View<const float, 2> dy, View<const float, 2> x,
        View<const float, 2> w))

// The shape checks and products that both backends share.
template <class Backend>
void linear_product(Backend& backend, View<float, 2> y, View<const float, 2> x, View<const float, 2> w,
                    View<const float, 1> bias) {
  const int64_t n = y.shape[0], c = y.shape[1], d = x.shape[1];
  check_shape("linear", x, {n, d});
  check_shape("linear", w, {c, d});
  check_shape("linear", bias, {c});
  gemm(backend, y, x, w, {.transpose_b = true});
}
template <class Backend>
void linear_backward_products(Backend& backend, View<float, 2> dx, View<float, 2> dw, View<float, 1> dbias,
                              View<const float, 2> dy, View<const float, 2> x, View<const float, 2> w) {
  const int64_t n = dy.shape[0], c = dy.shape[1], d = x.shape[1];
  check_shape("linear_backward", x, {n, d});
  check_shape("linear_backward", w, {c, d});
  check_shape("linear_backward", dw, {c, d});
  check_shape("linear_backward", dbias, {c});
  if (dx.size() > 0) {
    check_shape("linear_backward", dx, {n, d});
    gemm(backend, dx, dy, w, {});
  }
  gemm(backend, dw, dy, x, {.transpose_a = true, .beta = 1});
}

}  // namespace crc
