// Which pseudo-labels teach, and how much: thresholds of classes, masks, the truncated Gaussian.
// confidence, weight [M] fp32; label [M], classes in [0, C). Class: point.
#pragma once

#include <cmath>

#include "kernels/core/op.h"

namespace crc {

struct KeepAbove {
  View<float, 1> weight;
  View<const float, 1> confidence, threshold;
  View<const int32_t, 1> label;

  void check() const {
    check_shape("keep_above", weight, {confidence.size()});
    check_shape("keep_above", label, {confidence.size()});
    if (threshold.size() == 0) fail_internal("keep_above: there is no threshold");
  }
  CRC_HD void operator()(int64_t n) const {
    weight[n] = confidence[n] >= threshold[threshold.size() == 1 ? 0 : label[n]] ? 1.0f : 0.0f;
  }
};

struct GaussianWeight {
  View<float, 1> weight;
  View<const float, 1> confidence, mean, variance;
  float sigmas;

  void check() const {
    check_shape("gaussian_weight", weight, {confidence.size()});
    check_shape("gaussian_weight", mean, {1});
    check_shape("gaussian_weight", variance, {1});
  }
  CRC_HD void operator()(int64_t n) const {
    const float below = fminf(confidence[n] - mean[0], 0.0f);
    weight[n] = expf(-(below * below) / (2 * variance[0] / (sigmas * sigmas)));
  }
};

struct MeanThreshold {
  View<float, 1> threshold;
  View<const float, 1> confidence;
  float share;

  void check() const {
    check_shape("mean_threshold", threshold, {1});
    if (confidence.size() == 0) fail_internal("mean_threshold: no rows: they have no mean");
  }
  template <class Lanes> CRC_HD void operator()(int64_t, Lanes lanes) const {
    double sum = 0;
    for (int64_t n = lanes.lane; n < confidence.size(); n += lanes.count) sum += confidence[n];
    sum = lanes.sum(sum);
    if (lanes.lane == 0) threshold[0] = share * float(sum / double(confidence.size()));
  }
};

struct RelativeThresholds {
  View<float, 1> thresholds;
  View<const float, 1> level, model;

  void check() const {
    check_shape("relative_thresholds", model, {thresholds.size()});
    check_shape("relative_thresholds", level, {1});
  }
  template <class Lanes> CRC_HD void operator()(int64_t, Lanes lanes) const {
    float most = -INFINITY;
    for (int64_t c = lanes.lane; c < model.size(); c += lanes.count) most = fmaxf(most, model[c]);
    most = lanes.max(most);
    for (int64_t c = lanes.lane; c < model.size(); c += lanes.count) thresholds[c] = level[0] * (model[c] / most);
  }
};

struct CurriculumThresholds {
  View<float, 1> thresholds;
  View<const float, 1> counts;
  int64_t items;
  float threshold;
  bool warmup;

  void check() const { check_shape("curriculum_thresholds", counts, {thresholds.size()}); }
  template <class Lanes> CRC_HD void operator()(int64_t, Lanes lanes) const {
    float most = 0, used = 0;  // counts below 2^24: exact
    for (int64_t c = lanes.lane; c < counts.size(); c += lanes.count) {
      most = fmaxf(most, counts[c]);
      used += counts[c];
    }
    most = lanes.max(most);
    used = lanes.sum(used);
    const float whole = warmup ? fmaxf(most, float(items) - used) : most;
    for (int64_t c = lanes.lane; c < counts.size(); c += lanes.count) {
      const float learnt = whole > 0 ? counts[c] / whole : 0.0f;
      thresholds[c] = threshold * (learnt / (2 - learnt));
    }
  }
};

// weight[n] = confidence[n] >= threshold (0 or 1); threshold [C], by label, or [1].
CRC_OP(void, keep_above,
       (View<float, 1> weight, View<const float, 1> confidence, View<const int32_t, 1> label,
        View<const float, 1> threshold))
// SoftMatch (Chen et al. 2023, Eq. 5): weight[n] = exp(-min(confidence[n] - mean, 0)^2 sigmas^2 / (2 variance));
// mean, variance [1].
CRC_OP(void, gaussian_weight,
       (View<float, 1> weight, View<const float, 1> confidence, View<const float, 1> mean,
        View<const float, 1> variance, float sigmas))
// AdaMatch (Berthelot et al. 2022, Eq. 3): threshold [1] = share * mean of confidence [B].
CRC_OP(void, mean_threshold, (View<float, 1> threshold, View<const float, 1> confidence, float share))
// FreeMatch (Wang et al. 2023, Eq. 8): thresholds[c] = level * model[c] / max(model); level [1], model, thresholds [C].
CRC_OP(void, relative_thresholds, (View<float, 1> thresholds, View<const float, 1> level, View<const float, 1> model))
// FlexMatch (Zhang et al. 2021, Eq. 7, 10, 11): thresholds[c] = threshold * b / (2 - b), b = counts[c] / max(counts),
// or with `warmup` / max(counts, items of no class yet). counts [C]: items of each class, of `items` in all.
CRC_OP(void, curriculum_thresholds,
       (View<float, 1> thresholds, View<const float, 1> counts, int64_t items, float threshold, bool warmup))

}  // namespace crc
