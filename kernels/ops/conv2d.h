// 2-D convolution (cross-correlation, as in PyTorch), NHWC activations, KRSC weights, square kernel.
//   y[n,p,q,k] = bias[k] + sum_{r,s,c} x[n, p*stride + r - pad, q*stride + s - pad, c] * w[k,r,s,c]
// x [N,H,W,C]  w [K,R,R,C]  bias [K] or empty  y [N,P,Q,K] with P = (H + 2*pad - R)/stride + 1.
// Backward: dx = (not +=); dw +=. The gradient of the bias is column_sum of dy (reduce.h).
// Class: library (oneDNN on the CPU; cuDNN on CUDA, where by the gate an fp32 dw may be conv2d_splitk's, y and dw of
// few channels in bf16 conv2d_padded's, and with config.tf32x3 an fp32 y conv2d_tf32x3's; fp32 is true fp32 or as
// accurate, never tf32 unless config.tf32).
// bf16: x, y, dx, dy are bf16; w, bias and dw stay fp32 (weights are rounded to bf16 inside, sums are fp32; where the
// caller has them rounded already, `rounded` [K,R,R,C] spares CUDA that; the CPU does it as it lays w out). oneDNN
// rounds y and dx once, and dw not at all; cuDNN gives the batch's weight gradient, and y before the bias is added,
// rounded to bf16. The same bits every time; on the CPU also for any number of threads. No aliasing. Errors: internal
// for shapes that do not fit; config for bf16 on a CPU without AVX512-BF16.
#pragma once

#include <algorithm>

#include "kernels/core/conv_problem.h"
#include "kernels/core/op.h"

namespace crc {

struct Conv2dConfig {
  int64_t stride = 1;
  int64_t pad = 1;
  bool tf32 = false;    // CUDA, fp32 activations: allow tf32 tensor cores
  bool tf32x3 = false;  // else: y may be a sum of three tf32 products, of fp32's accuracy (tf32x3.h), by the gate
};

CRC_OP(void, conv2d,
       (View<float, 4> y, View<const float, 4> x, View<const float, 4> w, View<const float, 1> bias,
        Conv2dConfig config))
CRC_OP(void, conv2d_backward_data,
       (View<float, 4> dx, View<const float, 4> dy, View<const float, 4> w, Conv2dConfig config))
CRC_OP(void, conv2d_backward_weights,
       (View<float, 4> dw, View<const float, 4> dy, View<const float, 4> x, Conv2dConfig config))
CRC_OP(void, conv2d,
       (View<bf16, 4> y, View<const bf16, 4> x, View<const float, 4> w, View<const float, 1> bias, Conv2dConfig config))
CRC_OP(void, conv2d,
       (View<bf16, 4> y, View<const bf16, 4> x, View<const float, 4> w, View<const float, 1> bias,
        View<const bf16, 4> rounded, Conv2dConfig config))
CRC_OP(void, conv2d_backward_data,
       (View<bf16, 4> dx, View<const bf16, 4> dy, View<const float, 4> w, Conv2dConfig config))
CRC_OP(void, conv2d_backward_data,
       (View<bf16, 4> dx, View<const bf16, 4> dy, View<const float, 4> w, View<const bf16, 4> rounded,
        Conv2dConfig config))
CRC_OP(void, conv2d_backward_weights,
       (View<float, 4> dw, View<const bf16, 4> dy, View<const bf16, 4> x, Conv2dConfig config))

// Who computes a pass, once it has run: "oneDNN", "cuDNN <engine>" (", 8 channels"), "own, split-K". For reports.
CRC_OP(std::string, conv2d_path, (ConvPass pass, ConvProblem problem))

// The problem that these shapes describe; fails unless they fit together.
template <class T>
ConvProblem conv_problem(const char* op, const View<const T, 4>& x, const View<const float, 4>& w,
                         const View<const T, 4>& y, Conv2dConfig config) {
  const ConvProblem problem{.n = x.shape[0],
                            .h = x.shape[1],
                            .w = x.shape[2],
                            .c = x.shape[3],
                            .k = w.shape[0],
                            .r = w.shape[1],
                            .stride = config.stride,
                            .pad = config.pad,
                            .dtype = DtypeOf<T>::value,
                            .tf32 = config.tf32 && std::is_same_v<T, float>};
  check_shape(op, w, {problem.k, problem.r, problem.r, problem.c});
  const bool kernel_fits = std::min(problem.h, problem.w) + 2 * problem.pad >= problem.r;
  if (problem.c < 1 || problem.k < 1 || problem.r < 1 || problem.stride < 1 || problem.pad < 0 || !kernel_fits)
    fail_internal(std::string(op) + ": no such convolution: " + to_string(problem));
  check_shape(op, y, {problem.n, problem.p(), problem.q(), problem.k});
  return problem;
}

inline void check_rounded(const char* op, const View<const bf16, 4>& rounded, const View<const float, 4>& w) {
  if (rounded.size() > 0) check_shape(op, rounded, {w.shape[0], w.shape[1], w.shape[2], w.shape[3]});
}

// to += from, element by element.
template <class T> struct AddInto {
  float* to;
  const T* from;
  CRC_HD void operator()(int64_t i) const { to[i] += float(from[i]); }
};

}  // namespace crc
