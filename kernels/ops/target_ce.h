// Weighted cross-entropy of strong views against pseudo-labels or target distributions, and its gradient in one pass.
// x, dx [M,C]; weight, losses [M]; the target is a constant. Class: point (per row).
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"
#include "kernels/ops/softmax_ce.h"

namespace crc {

struct TargetCeConfig {
  float scale = 1;          // 1/M for a mean; the gradient is also times state.consistency_weight
  float temperature = 1;    // divides x, and dx follows; with target distributions alone
  bool divergence = false;  // losses are KL(target || softmax(x)): less the target's entropy
  bool rest = false;        // rows count with 1 - weight
  bool adds = false;        // dx and losses += instead of =
};

// What both forms do with a row's gradient and loss.
struct TargetRows {
  View<float, 2> dx;
  View<float, 1> losses;
  View<const float, 2> x;
  View<const float, 1> weight;
  View<const StepState, 1> state;
  TargetCeConfig config;

  void check(const char* op) const {
    const int64_t rows = x.shape[0];
    check_shape(op, dx, {rows, x.shape[1]});
    check_shape(op, losses, {rows});
    check_shape(op, weight, {rows});
    check_shape(op, state, {1});
  }
  CRC_HD float weight_of(int64_t n) const { return config.rest ? 1 - weight[n] : weight[n]; }
  CRC_HD float scale() const { return config.scale * state[0].consistency_weight; }
  CRC_HD void put(float& at, float value) const { at = config.adds ? at + value : value; }
};

struct LabelCe {
  TargetRows rows;
  View<const int32_t, 1> labels;

  void check() const {
    rows.check("label_ce");
    check_shape("label_ce", labels, {rows.x.shape[0]});
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t classes = rows.x.shape[1], label = labels[n];
    const float *x = rows.x.data + n * classes, keep = rows.weight_of(n), scale = keep * rows.scale();
    float* dx = rows.dx.data + n * classes;
    const SoftmaxRow softmax(x, classes, lanes, 1, label);
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) {
      const float logit = x[c];
      if (c == label)
        rows.put(rows.losses[n],
                 keep * (logit == softmax.max ? log1pf(softmax.rest)
                                              : logf(softmax.own + softmax.rest) + (softmax.max - logit)));
      rows.put(dx[c], scale * (c == label ? -softmax.rest / (softmax.own + softmax.rest) : softmax(logit)));
    }
  }
};

struct TargetCe {
  TargetRows rows;
  View<const float, 2> target;

  void check() const {
    rows.check("target_ce");
    check_shape("target_ce", target, {rows.x.shape[0], rows.x.shape[1]});
    if (!(rows.config.temperature > 0))
      fail(ExitCode::config, "target_ce: temperature is " + std::to_string(rows.config.temperature) +
                                 "; it divides the logits and must be above 0");
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t classes = rows.x.shape[1];
    const float *x = rows.x.data + n * classes, *t = target.data + n * classes;
    const float keep = rows.weight_of(n), heat = rows.config.temperature, scale = keep * rows.scale() / heat;
    float* dx = rows.dx.data + n * classes;
    const SoftmaxRow softmax(x, classes, lanes, heat);
    const float log_sum = logf(softmax.own + softmax.rest);
    float loss = 0;  // sum_c t_c (log t_c or 0 - log softmax(x)_c)
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) {
      const float minus_log = log_sum + (softmax.max - x[c]) / heat;
      loss += t[c] > 0 ? t[c] * (rows.config.divergence ? logf(t[c]) + minus_log : minus_log) : 0.0f;
      rows.put(dx[c], scale * (softmax(x[c]) - t[c]));
    }
    loss = lanes.sum(loss);
    if (lanes.lane == 0) rows.put(rows.losses[n], keep * loss);
  }
};

// losses[n] = weight[n] * -log softmax(x[n])[labels[n]], labels [M] in [0, C);
// dx = scale * consistency_weight * weight * (softmax(x) - onehot(labels)). dx may alias x unless it adds.
CRC_OP(void, label_ce,
       (View<float, 2> dx, View<float, 1> losses, View<const float, 2> x, View<const int32_t, 1> labels,
        View<const float, 1> weight, View<const StepState, 1> state, TargetCeConfig config))
// losses[n] = weight[n] * sum_c -target[n,c] log softmax(x[n]/T)_c, rows of target [M,C] sum to 1;
// dx = scale * consistency_weight * weight * (softmax(x/T) - target) / T. dx may alias x unless it adds.
CRC_OP(void, target_ce,
       (View<float, 2> dx, View<float, 1> losses, View<const float, 2> x, View<const float, 2> target,
        View<const float, 1> weight, View<const StepState, 1> state, TargetCeConfig config))

}  // namespace crc
