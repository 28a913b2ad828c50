// Dash (Xu et al. 2021, Algorithm 1): rows whose loss is at most a threshold that falls geometrically from the labelled
// loss after a warm-up of W steps: rho = max(rho_min, C gamma^-k rho_0), k = floor((t - W) / period).
// weak logits [M,C]; q = softmax(weak / T); weight[n] = t >= W and H(q, softmax(weak)) <= rho; target[n] = q, or at
// rho_min the likeliest class alone (the lowest on ties). rho [1]: read as rho_0; level [1]: rho of this step, for the
// record. weight [M], target [M,C]. Class: point.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"
#include "kernels/ops/softmax_ce.h"

namespace crc {

struct DashConfig {
  int64_t warmup = 2048, period = 10240;  // steps
  float factor = 1.0001f, gamma = 1.27f, least = 0.05f;
  float temperature = 0.5f;
};

struct DashTargets {
  View<float, 1> weight, level;
  View<float, 2> target;
  View<const float, 2> weak;
  View<const float, 1> rho;
  View<const StepState, 1> state;
  DashConfig config;

  void check() const {
    const int64_t rows = weak.shape[0];
    check_shape("dash_targets", weight, {rows});
    check_shape("dash_targets", target, {rows, weak.shape[1]});
    check_shape("dash_targets", rho, {1});
    check_shape("dash_targets", level, {1});
    check_shape("dash_targets", state, {1});
    if (config.period < 1) fail_internal("dash_targets: a period of " + std::to_string(config.period) + " steps");
  }
  CRC_HD float threshold() const {
    const int64_t steps = state[0].step - config.warmup;
    const double falls = double(steps < 0 ? 0 : steps / config.period);
    return fmaxf(config.least, float(double(config.factor) * pow(double(config.gamma), -falls) * double(rho[0])));
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t classes = weak.shape[1];
    const float *x = weak.data + n * classes, most = threshold();
    const SoftmaxRow p(x, classes, lanes), q(x, classes, lanes, config.temperature);
    const float log_sum = logf(p.own + p.rest);
    float loss = 0;
    int64_t label = classes;
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) {
      loss += q(x[c]) * (log_sum + (p.max - x[c]));
      if (x[c] == p.max && label == classes) label = c;
    }
    loss = lanes.sum(loss);
    label = lanes.min(label);
    for (int64_t c = lanes.lane; c < classes; c += lanes.count)
      target[n * classes + c] = most > config.least ? q(x[c]) : c == label ? 1.0f : 0.0f;
    if (lanes.lane != 0) return;
    if (most <= config.least) loss = log_sum;  // of the likeliest class
    weight[n] = state[0].step >= config.warmup && loss <= most ? 1.0f : 0.0f;
    if (n == 0) level[0] = most;
  }
};

CRC_OP(void, dash_targets,
       (View<float, 1> weight, View<float, 2> target, View<float, 1> level, View<const float, 2> weak,
        View<const float, 1> rho, View<const StepState, 1> state, DashConfig config))

}  // namespace crc
