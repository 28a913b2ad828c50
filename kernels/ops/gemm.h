// Matrix product c = alpha * op(a) op(b) + beta * c, row-major, op = transpose where asked.
// c [M,N]; op(a) [M,K]; op(b) [K,N]. fp32 is true fp32 (never tf32), fp64 is fp64. K = 0 gives beta * c. No aliasing.
// beta = 0 ignores what c held. Same bits for any number of threads. Class: library (OpenBLAS, cuBLAS).
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct GemmConfig {
  bool transpose_a = false;
  bool transpose_b = false;
  double alpha = 1;
  double beta = 0;
};

// Checks the shapes of both backends' calls; returns K.
template <class T> int64_t check_gemm(View<T, 2> c, View<const T, 2> a, View<const T, 2> b, const GemmConfig& config) {
  const int64_t k = a.shape[config.transpose_a ? 0 : 1];
  if (config.transpose_a)
    check_shape("gemm", a, {k, c.shape[0]});
  else
    check_shape("gemm", a, {c.shape[0], k});
  if (config.transpose_b)
    check_shape("gemm", b, {c.shape[1], k});
  else
    check_shape("gemm", b, {k, c.shape[1]});
  return k;
}

CRC_OP(void, gemm, (View<float, 2> c, View<const float, 2> a, View<const float, 2> b, GemmConfig config))
CRC_OP_OVERLOAD(void, gemm, (View<double, 2> c, View<const double, 2> a, View<const double, 2> b, GemmConfig config))

}  // namespace crc
