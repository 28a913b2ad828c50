// What the evaluation pass of a network needs besides matrix products, and its backward pass sample by sample:
// gradients of parameters are summed over positions, never over the batch. For Jacobians (nn/jacobian.h); fp32 and
// fp64. Activations are [B,S,C]: samples, positions, channels. Where a backward op takes dy [B*R,S,C] and x [B,S,C],
// row b*R+r of dy is the r-th cotangent of sample b. Class: point; sums over positions: reduce (in fp64, positions in
// order).
//
//   norm_constants:    per channel mean, 1/sqrt(var + eps), scale = gamma/sqrt(var + eps), shift = beta + offset  [4,C]
//   norm_act:          y = act(z), z = (x - mean) * scale + shift, act(z) = z > 0 ? z : slope * z
//   norm_act_params:   dgamma, dbeta [B*R,C] = sums over positions of g * (x - mean)/sqrt(var + eps) and of g,
//                      g = act'(z) dy
//   norm_act_backward: dx = g * scale; dx may alias dy
//   position_sum:      y [B,C] = weight * sum over positions of x
//   position_spread:   dx [B,S,C] = weight * dy[B,C]
//   add_bias:          y [N,C] += bias
//   accumulate:        y += x
//   convert:           y = x, fp32 to fp32 or fp64
#pragma once

#include <cmath>

#include "kernels/core/op.h"
#include "kernels/ops/batchnorm_act.h"

namespace crc {

template <class T> struct NormConstants {
  View<T, 2> constants;
  View<const float, 1> mean, var, gamma, beta;
  BatchNormConfig config;
  CRC_HD void operator()(int64_t c) const {
    const double inv_std = 1 / sqrt(double(var[c]) + double(config.eps));
    constants(0, c) = T(mean[c]);
    constants(1, c) = T(inv_std);
    constants(2, c) = T(double(gamma[c]) * inv_std);
    constants(3, c) = T(double(beta[c]) + double(config.offset));
  }
};

template <class T> struct NormAct {
  View<const T, 2> constants;
  T slope;
  CRC_HD T z(T x, int64_t c) const { return (x - constants(0, c)) * constants(2, c) + constants(3, c); }
  CRC_HD T act(T z) const { return z > 0 ? z : slope * z; }
  CRC_HD T gradient(T dy, T z) const { return z > 0 ? dy : slope * dy; }
};

template <class T> struct NormActForward {
  T* y;
  const T* x;
  NormAct<T> norm;
  int64_t channels;
  CRC_HD void operator()(int64_t i) const { y[i] = norm.act(norm.z(x[i], i % channels)); }
};

template <class T> struct NormActBackward {
  T* dx;
  const T *dy, *x;
  NormAct<T> norm;
  int64_t channels, sample, repeats;  // sample: S*C
  CRC_HD void operator()(int64_t i) const {
    const int64_t c = i % channels;
    dx[i] = norm.gradient(dy[i], norm.z(x[i / sample / repeats * sample + i % sample], c)) * norm.constants(2, c);
  }
};

template <class T> struct NormActParams {
  T *dgamma, *dbeta;
  const T *dy, *x;
  NormAct<T> norm;
  int64_t channels, positions, repeats;
  // i counts (b*R+r, c).
  CRC_HD void operator()(int64_t i) const {
    const int64_t row = i / channels, c = i % channels, size = positions * channels;
    double along = 0, total = 0;
    for (int64_t s = 0; s < positions; ++s) {
      const T value = x[row / repeats * size + s * channels + c];
      const double g = norm.gradient(dy[row * size + s * channels + c], norm.z(value, c));
      along += g * (double(value) - double(norm.constants(0, c)));
      total += g;
    }
    dgamma[i] = T(along * double(norm.constants(1, c)));
    dbeta[i] = T(total);
  }
};

template <class T> struct PositionSum {
  T* y;
  const T* x;
  int64_t positions, channels;
  double weight;
  CRC_HD void operator()(int64_t i) const {
    double total = 0;
    for (int64_t s = 0; s < positions; ++s) total += x[(i / channels * positions + s) * channels + i % channels];
    y[i] = T(weight * total);
  }
};

template <class T> struct PositionSpread {
  T* dx;
  const T* dy;
  int64_t positions, channels;
  double weight;
  CRC_HD void operator()(int64_t i) const {
    dx[i] = T(weight * double(dy[i / channels / positions * channels + i % channels]));
  }
};

template <class T> struct AddBias {
  T* y;
  const T* bias;
  int64_t channels;
  CRC_HD void operator()(int64_t i) const { y[i] += bias[i % channels]; }
};
template <class T> struct Accumulate {
  T* y;
  const T* x;
  CRC_HD void operator()(int64_t i) const { y[i] += x[i]; }
};
template <class T> struct Convert {
  T* y;
  const float* x;
  CRC_HD void operator()(int64_t i) const { y[i] = T(x[i]); }
};

CRC_OP(void, norm_constants,
       (View<float, 2> constants, View<const float, 1> mean, View<const float, 1> var, View<const float, 1> gamma,
        View<const float, 1> beta, BatchNormConfig config))
CRC_OP(void, norm_act, (View<float, 3> y, View<const float, 3> x, View<const float, 2> constants, float slope))
CRC_OP(void, norm_act_backward,
       (View<float, 3> dx, View<const float, 3> dy, View<const float, 3> x, View<const float, 2> constants,
        float slope))
CRC_OP(void, norm_act_params,
       (View<float, 2> dgamma, View<float, 2> dbeta, View<const float, 3> dy, View<const float, 3> x,
        View<const float, 2> constants, float slope))
CRC_OP(void, position_sum, (View<float, 2> y, View<const float, 3> x, double weight))
CRC_OP(void, position_spread, (View<float, 3> dx, View<const float, 2> dy, double weight))
CRC_OP(void, add_bias, (View<float, 2> y, View<const float, 1> bias))
CRC_OP(void, accumulate, (View<float, 1> y, View<const float, 1> x))
CRC_OP(void, convert, (View<float, 1> y, View<const float, 1> x))

CRC_OP(void, norm_constants,
       (View<double, 2> constants, View<const float, 1> mean, View<const float, 1> var, View<const float, 1> gamma,
        View<const float, 1> beta, BatchNormConfig config))
CRC_OP(void, norm_act, (View<double, 3> y, View<const double, 3> x, View<const double, 2> constants, float slope))
CRC_OP(void, norm_act_backward,
       (View<double, 3> dx, View<const double, 3> dy, View<const double, 3> x, View<const double, 2> constants,
        float slope))
CRC_OP(void, norm_act_params,
       (View<double, 2> dgamma, View<double, 2> dbeta, View<const double, 3> dy, View<const double, 3> x,
        View<const double, 2> constants, float slope))
CRC_OP(void, position_sum, (View<double, 2> y, View<const double, 3> x, double weight))
CRC_OP(void, position_spread, (View<double, 3> dx, View<const double, 2> dy, double weight))
CRC_OP(void, add_bias, (View<double, 2> y, View<const double, 1> bias))
CRC_OP(void, accumulate, (View<double, 1> y, View<const double, 1> x))
CRC_OP(void, convert, (View<double, 1> y, View<const float, 1> x))

// Check the shapes of both backends' calls and make the functors.
template <class T>
NormConstants<T> norm_constants_step(View<T, 2> constants, View<const float, 1> mean, View<const float, 1> var,
                                     View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config) {
  check_shape("norm_constants", constants, {4, mean.size()});
  for (const auto& v : {var, gamma, beta}) check_shape("norm_constants", v, {mean.size()});
  return {constants, mean, var, gamma, beta, config};
}
template <class T>
NormActForward<T> norm_act_step(View<T, 3> y, View<const T, 3> x, View<const T, 2> constants, float slope) {
  check_shape("norm_act", x, {y.shape[0], y.shape[1], y.shape[2]});
  check_shape("norm_act", constants, {4, y.shape[2]});
  return {y.data, x.data, {constants, T(slope)}, y.shape[2]};
}
// R of dy [B*R,S,C] beside x [B,S,C].
template <class T> int64_t check_repeats(const char* op, View<const T, 3> dy, View<const T, 3> x) {
  const int64_t repeats = x.shape[0] == 0 ? 1 : dy.shape[0] / x.shape[0];
  check_shape(op, dy, {x.shape[0] * repeats, x.shape[1], x.shape[2]});
  return repeats;
}
template <class T>
NormActBackward<T> norm_act_backward_step(View<T, 3> dx, View<const T, 3> dy, View<const T, 3> x,
                                          View<const T, 2> constants, float slope) {
  const int64_t repeats = check_repeats("norm_act_backward", dy, x);
  check_shape("norm_act_backward", dx, {dy.shape[0], dy.shape[1], dy.shape[2]});
  check_shape("norm_act_backward", constants, {4, x.shape[2]});
  return {dx.data, dy.data, x.data, {constants, T(slope)}, x.shape[2], x.shape[1] * x.shape[2], repeats};
}
template <class T>
NormActParams<T> norm_act_params_step(View<T, 2> dgamma, View<T, 2> dbeta, View<const T, 3> dy, View<const T, 3> x,
                                      View<const T, 2> constants, float slope) {
  const int64_t repeats = check_repeats("norm_act_params", dy, x);
  for (const auto& v : {dgamma, dbeta}) check_shape("norm_act_params", v, {dy.shape[0], dy.shape[2]});
  check_shape("norm_act_params", constants, {4, x.shape[2]});
  return {dgamma.data, dbeta.data, dy.data, x.data, {constants, T(slope)}, x.shape[2], x.shape[1], repeats};
}
template <class T> PositionSum<T> position_sum_step(View<T, 2> y, View<const T, 3> x, double weight) {
  check_shape("position_sum", y, {x.shape[0], x.shape[2]});
  return {y.data, x.data, x.shape[1], x.shape[2], weight};
}
template <class T> PositionSpread<T> position_spread_step(View<T, 3> dx, View<const T, 2> dy, double weight) {
  check_shape("position_spread", dy, {dx.shape[0], dx.shape[2]});
  return {dx.data, dy.data, dx.shape[1], dx.shape[2], weight};
}
template <class T> AddBias<T> add_bias_step(View<T, 2> y, View<const T, 1> bias) {
  check_shape("add_bias", bias, {y.shape[1]});
  return {y.data, bias.data, y.shape[1]};
}
template <class T> Accumulate<T> accumulate_step(View<T, 1> y, View<const T, 1> x) {
  check_shape("accumulate", x, {y.size()});
  return {y.data, x.data};
}
template <class T> Convert<T> convert_step(View<T, 1> y, View<const float, 1> x) {
  check_shape("convert", x, {y.size()});
  return {y.data, x.data};
}

}  // namespace crc
