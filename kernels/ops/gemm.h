// Matrix product c = alpha * op(a) op(b) + beta * c, row-major, op = transpose where asked.
// c [M,N]; op(a) [M,K]; op(b) [K,N]. fp32 is true fp32 (never tf32 unless config.tf32), fp64 is fp64. K = 0 gives
// beta * c. No aliasing. beta = 0 ignores what c held. Same bits for any number of threads.
// Class: library (OpenBLAS, oneDNN for bf16, cuBLAS, and with config.tf32x3 gemm_tf32x3 by the gate).
// bf16: sums are fp32, c is rounded once. Errors: config on a CPU without AVX512-BF16.
// gemm_batched: c[i,r] = alpha * op(a[i,r]) op(b[i,r]) + beta * c[i,r] for c [B,R,M,N]; b may be [B,1,..]: then its
// product i serves every r.
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct GemmConfig {
  bool transpose_a = false;
  bool transpose_b = false;
  double alpha = 1;
  double beta = 0;
  bool tf32 = false;    // CUDA, fp32: allow tf32 tensor cores
  bool tf32x3 = false;  // else, where beta = 0: c may be a sum of three tf32 products, of fp32's accuracy (tf32x3.h)
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

template <class T>
int64_t check_gemm_batched(View<T, 4> c, View<const T, 4> a, View<const T, 4> b, const GemmConfig& config) {
  const int64_t m = c.shape[2], n = c.shape[3], k = a.shape[config.transpose_a ? 2 : 3];
  const int64_t repeats = b.shape[1] == 1 ? 1 : c.shape[1];
  if (config.transpose_a)
    check_shape("gemm_batched", a, {c.shape[0], c.shape[1], k, m});
  else
    check_shape("gemm_batched", a, {c.shape[0], c.shape[1], m, k});
  if (config.transpose_b)
    check_shape("gemm_batched", b, {c.shape[0], repeats, n, k});
  else
    check_shape("gemm_batched", b, {c.shape[0], repeats, k, n});
  return k;
}

CRC_OP(void, gemm, (View<float, 2> c, View<const float, 2> a, View<const float, 2> b, GemmConfig config))
CRC_OP(void, gemm, (View<double, 2> c, View<const double, 2> a, View<const double, 2> b, GemmConfig config))
CRC_OP(void, gemm, (View<bf16, 2> c, View<const bf16, 2> a, View<const bf16, 2> b, GemmConfig config))
CRC_OP(void, gemm_batched, (View<float, 4> c, View<const float, 4> a, View<const float, 4> b, GemmConfig config))
CRC_OP(void, gemm_batched, (View<double, 4> c, View<const double, 4> a, View<const double, 4> b, GemmConfig config))

}  // namespace crc
