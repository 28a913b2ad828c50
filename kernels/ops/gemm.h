// Matrix product c = alpha * op(a) op(b) + beta * c, row-major, op = transpose where asked.
// c [M,N]; op(a) [M,K]; op(b) [K,N]. fp32 is true fp32 (never tf32), fp64 is fp64. K = 0 gives beta * c. No aliasing.
// Class: library (OpenBLAS, cuBLAS).
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct GemmConfig {
  bool transpose_a = false;
  bool transpose_b = false;
  double alpha = 1;
  double beta = 0;
};

CRC_OP(void, gemm, (View<float, 2> c, View<const float, 2> a, View<const float, 2> b, GemmConfig config))
CRC_OP_OVERLOAD(void, gemm, (View<double, 2> c, View<const double, 2> a, View<const double, 2> b, GemmConfig config))

}  // namespace crc
