// Softmax cross-entropy and its gradient in one pass over the logits [N,C]. Class: point (per row).
#pragma once

#include <cmath>

#include "kernels/core/op.h"

namespace crc {

// The stable softmax of one row, shared by the lanes (kernels/cpu/rows.h, kernels/cuda/rows.cuh) that work on it:
// p_c = exp((x_c - max) / temperature) / (own + rest). A lane reads its own columns alone, so a caller may overwrite
// them in the same order. A NaN or +inf among the logits makes every p_c NaN.
struct SoftmaxRow {
  float max = -INFINITY;
  float own = 0, rest = 0;  // the sum of the powers: that of column `apart`, and the others
  float temperature = 1;

  template <class Lanes>
  CRC_HD SoftmaxRow(const float* x, int64_t classes, Lanes lanes, float t = 1, int64_t apart = -1) : temperature(t) {
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) max = fmaxf(max, x[c]);
    max = lanes.max(max);
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) (c == apart ? own : rest) += power(x[c]);
    rest = lanes.sum(rest);
    if (apart >= 0) own = lanes.sum(own);
  }
  CRC_HD float power(float x) const { return expf((x - max) / temperature); }
  CRC_HD float operator()(float x) const { return power(x) / (own + rest); }
};

// loss = keep * -log softmax(x)_label;  dx = scale * (softmax(x) - onehot(label)).  0 <= label < classes. dx may be
// null. 1 - p_label is formed from the other classes: a confident row keeps its relative precision.
template <class Lanes>
CRC_HD void cross_entropy_row(float* dx, float* loss, const float* x, int64_t classes, int64_t label, float keep,
                              float scale, Lanes lanes) {
  const SoftmaxRow softmax(x, classes, lanes, 1, label);
  for (int64_t c = lanes.lane; c < classes; c += lanes.count) {
    const float logit = x[c];
    if (c == label)
      *loss = keep *
              (logit == softmax.max ? log1pf(softmax.rest) : logf(softmax.own + softmax.rest) + (softmax.max - logit));
    if (dx) dx[c] = scale * (c == label ? -softmax.rest / (softmax.own + softmax.rest) : softmax(logit));
  }
}

struct SoftmaxCe {
  View<float, 2> dlogits;
  View<float, 1> losses;
  View<const float, 2> logits;
  View<const int32_t, 1> labels;
  float scale;

  void check() const {
    if (dlogits.size() != 0) check_shape("softmax_ce", dlogits, {logits.shape[0], logits.shape[1]});
    check_shape("softmax_ce", losses, {logits.shape[0]});
    check_shape("softmax_ce", labels, {logits.shape[0]});
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t classes = logits.shape[1], label = labels[n];
    float* dx = dlogits.size() != 0 ? dlogits.data + n * classes : nullptr;
    if (label >= 0 && label < classes) {
      cross_entropy_row(dx, &losses[n], logits.data + n * classes, classes, label, 1, scale, lanes);
      return;
    }
    const float fill = label == -1 ? 0.0f : NAN;
    if (lanes.lane == 0) losses[n] = fill;
    for (int64_t c = lanes.lane; dx && c < classes; c += lanes.count) dx[c] = fill;
  }
};

// losses[n] = -log softmax(logits[n])[labels[n]];  dlogits = scale * (softmax - onehot). A label of -1 leaves the row
// out: loss 0, gradient 0; any other label outside [0, C) makes both NaN. `scale` is 1/B for a mean over B rows.
// dlogits may alias logits; dlogits may be empty.
CRC_OP(void, softmax_ce,
       (View<float, 2> dlogits, View<float, 1> losses, View<const float, 2> logits, View<const int32_t, 1> labels,
        float scale))

struct ConfidentCeConfig {
  float threshold = 0.95f;   // keep a row where the largest weak probability >= threshold
  float temperature = 1.0f;  // divides the weak logits before their softmax; above 0
  float scale = 1.0f;        // lambda_u / M: masked rows count as zeros in the mean
};

struct ConfidentCe {
  View<float, 2> dstrong;
  View<float, 1> losses, mask;
  View<int32_t, 1> pseudo;
  View<const float, 2> weak, strong;
  ConfidentCeConfig config;

  void check() const {
    const int64_t rows = weak.shape[0], classes = weak.shape[1];
    check_shape("confident_ce", strong, {rows, classes});
    check_shape("confident_ce", dstrong, {rows, classes});
    check_shape("confident_ce", losses, {rows});
    check_shape("confident_ce", mask, {rows});
    check_shape("confident_ce", pseudo, {rows});
    if (!(config.temperature > 0))
      fail(ExitCode::config, "confident_ce: temperature is " + std::to_string(config.temperature) +
                                 "; it divides the logits and must be above 0");
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t classes = weak.shape[1];
    const float* x = weak.data + n * classes;
    const SoftmaxRow softmax(x, classes, lanes, config.temperature);
    int64_t label = classes;
    for (int64_t c = lanes.lane; c < classes; c += lanes.count)
      if (x[c] == softmax.max && label == classes) label = c;
    label = lanes.min(label);         // the lowest on ties
    if (label == classes) label = 0;  // all NaN: the row is masked, but its label stays a class
    const float keep = softmax(softmax.max) >= config.threshold ? 1.0f : 0.0f;
    if (lanes.lane == 0) {
      mask[n] = keep;
      pseudo[n] = int32_t(label);
    }
    cross_entropy_row(dstrong.data + n * classes, &losses[n], strong.data + n * classes, classes, label, keep,
                      keep * config.scale, lanes);
  }
};

// FixMatch's unlabelled loss (Sohn et al. 2020, Eq. 4): pseudo[n] = argmax weak[n] (the lowest on ties), mask[n] = its
// probability >= threshold, losses[n] = mask * CE(strong[n], pseudo[n]);
// dstrong = scale * mask * (softmax(strong) - onehot(pseudo)). No gradient reaches the weak logits.
// weak, strong, dstrong [M,C]; losses, mask [M] fp32 (0 or 1); pseudo [M]. dstrong may alias strong.
CRC_OP(void, confident_ce,
       (View<float, 2> dstrong, View<float, 1> losses, View<float, 1> mask, View<int32_t, 1> pseudo,
        View<const float, 2> weak, View<const float, 2> strong, ConfidentCeConfig config))

struct Softmax {
  View<float, 2> probabilities;
  View<const float, 2> logits;

  void check() const { check_shape("softmax", probabilities, {logits.shape[0], logits.shape[1]}); }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t classes = logits.shape[1];
    const float* x = logits.data + n * classes;
    const SoftmaxRow softmax(x, classes, lanes);
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) probabilities[n * classes + c] = softmax(x[c]);
  }
};

// probabilities[n] = softmax(logits[n]). May alias.
CRC_OP(void, softmax, (View<float, 2> probabilities, View<const float, 2> logits))

}  // namespace crc
