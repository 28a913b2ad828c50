// Batch normalisation followed by LeakyReLU, over all but the last dimension (Ioffe & Szegedy 2015, Algorithm 1):
//   z = gamma * (x - mean) * inv_std + beta + offset,   y = z > 0 ? z : slope * z,   inv_std = 1/sqrt(var + eps)
// mean and var are the batch's (biased variance) in Mode::train and train_frozen_stats, the running ones in eval.
// Mode::train also moves the running ones as PyTorch does: r <- (1-momentum)*r + momentum*batch, variance unbiased.
// x, y, dx, dy [N,H,W,C] (fp32 or bf16; the math is fp32, sums of partial sums fp64); gamma, beta, running_* [C] fp32.
// saved [2,C] receives mean and inv_std: the backward pass needs it, in every mode.
// Backward: dx = ; dgamma += ; dbeta += ; in Mode::eval the statistics are constants. plus [N,H,W,C] is added to dx, where
// another path of the gradient joins; empty: nothing.
// add_batchnorm_act: x += plus, rounded once as kernels/ops/add.h does, then y = batchnorm_act(x), with the same bits as the
// two ops one after the other and one pass over memory less: where a residual path joins. plus and y may not alias x.
// y may alias x in Mode::eval; dx may alias dy, and plus neither. Class: reduce. `offset` is the "+0.1" of the early reference code.
// Where parts of a batch meet (kernels/core/meeting.h), the batch's mean and variance are those of all parts, and so are
// the sums in dx; dgamma and dbeta are the part's own.
// Of one row (N*H*W = 1) the unbiased variance is taken as 0; of none, nothing is learnt: mean 0, variance 0, running
// statistics unmoved.
#pragma once

#include <cmath>
#include <initializer_list>
#include <type_traits>

#include "kernels/core/mode.h"
#include "kernels/core/op.h"
#include "kernels/ops/add.h"
#include "kernels/ops/leaky_relu.h"

namespace crc {

struct BatchNormConfig {
  float momentum = 0.001f;
  float eps = 1e-5f;
  float slope = 0.1f;
  float offset = 0.0f;
};

// Mean and sum of squared deviations of `count` values; parts merge pairwise (Chan, Golub & LeVeque 1983).
struct Moments {
  double count = 0, mean = 0, m2 = 0;

  CRC_HD Moments merged(const Moments& b) const {
    const double n = count + b.count;
    return merged(b, n, n > 0 ? b.count / n : 0);
  }
  // Given what channels of the same rows share: n = count + b.count, and b's share of it.
  CRC_HD Moments merged(const Moments& b, double n, double weight) const {
    const double delta = b.mean - mean;
    return {n, mean + delta * weight, m2 + b.m2 + delta * delta * count * weight};
  }
  // From the sums of x - pivot and (x - pivot)^2 over count > 0 values. With one of the values as pivot the sums can be
  // fp32: whatever the mean, cancellation costs m2 no more than a factor `count`, and next to nothing as a rule.
  static CRC_HD Moments about(double pivot, double sum, double squares, double count) {
    const double mean = sum / count, m2 = squares - sum * mean;
    return {count, pivot + mean, m2 > 0 ? m2 : 0};
  }
};

// One channel's statistics: from moments to what is saved and to the running ones.
struct BatchNormStatistics {
  View<float, 2> saved;
  View<float, 1> running_mean, running_var;
  View<float, 1> mean_rest;  // the batch's mean less the saved one: fp32 alone would shift y when |mean| >> std
  BatchNormConfig config;
  Mode mode;
  View<double, 2> meeting = {};  // [3,C] where parts meet: what they are to merge first (finish)

  CRC_HD void operator()(int64_t c, const Moments& batch) const {
    if (!meeting.data) return finish(c, batch);
    meeting(0, c) = batch.count, meeting(1, c) = batch.mean, meeting(2, c) = batch.m2;
  }
  CRC_HD void finish(int64_t c, const Moments& batch) const {
    save(c, batch.mean, batch.count > 0 ? batch.m2 / batch.count : 0);
    if (mode != Mode::train || batch.count == 0) return;
    running_mean[c] = moved(running_mean[c], batch.mean);
    running_var[c] = moved(running_var[c], batch.count > 1 ? batch.m2 / (batch.count - 1) : 0);
  }
  // Mode::eval
  CRC_HD void operator()(int64_t c) const { save(c, running_mean[c], running_var[c]); }

 private:
  CRC_HD void save(int64_t c, double mean, double var) const {
    saved(0, c) = float(mean);
    saved(1, c) = float(1 / sqrt(var + config.eps));
    mean_rest[c] = float(mean - double(float(mean)));
  }
  CRC_HD float moved(float running, double batch) const {
    return float((1 - double(config.momentum)) * running + config.momentum * batch);
  }
};

// When the parts have met.
struct FinishStatistics {
  BatchNormStatistics statistics;
  CRC_HD void operator()(int64_t c) const {
    const View<double, 2>& all = statistics.meeting;
    statistics.finish(c, {all(0, c), all(1, c), all(2, c)});
  }
};

// z = (x - mean) * scale + shift. Not folded into one multiply-add of x: that cancels when |mean| >> std.
struct BatchNormAffine {
  float mean, scale, shift;
  CRC_HD float operator()(float x) const { return (x - mean) * scale + shift; }
};

// The affine map of each channel; mean_rest is empty in the backward pass, which knows the saved mean alone.
struct BatchNormParameters {
  View<const float, 2> saved;
  View<const float, 1> gamma, beta, mean_rest;
  float offset;

  CRC_HD BatchNormAffine operator()(int64_t c) const {
    const float scale = gamma[c] * saved(1, c);
    const float rest = mean_rest.data ? mean_rest[c] : 0.0f;
    return {saved(0, c), scale, beta[c] + offset - rest * scale};
  }
};

// dx = scale * (g - (constant + slope * (x - mean))), g the gradient of z: the line through the batch takes from g its
// mean and its part along x.
struct BatchNormBackward {
  BatchNormParameters parameters;
  View<float, 1> dgamma, dbeta;
  View<float, 2> line;           // [2,C]: constant and slope
  double count;                  // N*H*W; 0 in Mode::eval, where the statistics do not depend on x
  View<double, 1> meeting = {};  // [2C + 1] where parts meet: the sums and the count that they are to add up first

  // sum_g: of g; sum_gx: of g * (x - mean).
  CRC_HD void operator()(int64_t c, double sum_g, double sum_gx) const {
    dgamma[c] += float(sum_gx * double(parameters.saved(1, c)));
    dbeta[c] += float(sum_g);
    if (!meeting.data) return draw(c, sum_g, sum_gx, count);
    const int64_t channels = dgamma.shape[0];
    meeting[c] = sum_g, meeting[channels + c] = sum_gx;
    if (c == 0) meeting[2 * channels] = count;
  }
  CRC_HD void draw(int64_t c, double sum_g, double sum_gx, double count) const {
    const double inv_std = parameters.saved(1, c);
    line(0, c) = count > 0 ? float(sum_g / count) : 0.0f;
    line(1, c) = count > 0 ? float(inv_std * inv_std * sum_gx / count) : 0.0f;
  }
};
// When the parts have met.
struct FinishBackward {
  BatchNormBackward backward;
  CRC_HD void operator()(int64_t c) const {
    const View<double, 1>& all = backward.meeting;
    const int64_t channels = backward.dgamma.shape[0];
    backward.draw(c, all[c], all[channels + c], all[2 * channels]);
  }
};
struct BatchNormBackwardPoint {
  float mean, scale, constant, slope;
  CRC_HD float operator()(float g, float x) const { return scale * (g - (constant + slope * (x - mean))); }
};

template <class T> void check_plus(const char* op, const View<const T, 4>& x, const View<const T, 4>& plus) {
  if (plus.size() > 0) check_shape(op, plus, {x.shape[0], x.shape[1], x.shape[2], x.shape[3]});
}
template <class T>
void check_batchnorm(const char* op, const View<const T, 4>& x, const View<const float, 2>& saved,
                     std::initializer_list<View<const float, 1>> per_channel,
                     std::initializer_list<std::type_identity_t<View<const T, 4>>> like_x = {}) {
  check_shape(op, saved, {2, x.shape[3]});
  for (const auto& v : per_channel) check_shape(op, v, {x.shape[3]});
  for (const auto& v : like_x) check_shape(op, v, {x.shape[0], x.shape[1], x.shape[2], x.shape[3]});
}

CRC_OP(void, batchnorm_act,
       (View<float, 4> y, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
        View<const float, 4> x, View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config,
        Mode mode))
CRC_OP(void, batchnorm_act_backward,
       (View<float, 4> dx, View<float, 1> dgamma, View<float, 1> dbeta, View<const float, 4> dy, View<const float, 4> x,
        View<const float, 4> plus, View<const float, 2> saved, View<const float, 1> gamma, View<const float, 1> beta,
        BatchNormConfig config, Mode mode))
CRC_OP(void, add_batchnorm_act,
       (View<float, 4> y, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
        View<float, 4> x, View<const float, 4> plus, View<const float, 1> gamma, View<const float, 1> beta,
        BatchNormConfig config, Mode mode))
CRC_OP(void, add_batchnorm_act,
       (View<bf16, 4> y, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var, View<bf16, 4> x,
        View<const bf16, 4> plus, View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config,
        Mode mode))
// Only the statistics: fills saved and, in Mode::train, moves the running ones. For a layer whose output is not used.
CRC_OP(void, batchnorm_stats,
       (View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var, View<const float, 4> x,
        BatchNormConfig config, Mode mode))
CRC_OP(void, batchnorm_act,
       (View<bf16, 4> y, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
        View<const bf16, 4> x, View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config,
        Mode mode))
CRC_OP(void, batchnorm_act_backward,
       (View<bf16, 4> dx, View<float, 1> dgamma, View<float, 1> dbeta, View<const bf16, 4> dy, View<const bf16, 4> x,
        View<const bf16, 4> plus, View<const float, 2> saved, View<const float, 1> gamma, View<const float, 1> beta,
        BatchNormConfig config, Mode mode))
CRC_OP(void, batchnorm_stats,
       (View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var, View<const bf16, 4> x,
        BatchNormConfig config, Mode mode))

}  // namespace crc
