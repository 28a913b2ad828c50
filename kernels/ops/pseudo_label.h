// From the logits of weak views to pseudo-labels: a sharpened softmax, distribution alignment, the likeliest class.
// Class: point (per row).
#pragma once

#include "kernels/core/op.h"
#include "kernels/ops/softmax_ce.h"

namespace crc {

struct Sharpen {
  View<float, 2> probabilities;
  View<const float, 2> logits;
  float temperature;

  void check() const {
    check_shape("sharpen", probabilities, {logits.shape[0], logits.shape[1]});
    if (!(temperature > 0))
      fail(ExitCode::config,
           "sharpen: temperature is " + std::to_string(temperature) + "; it divides the logits and must be above 0");
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t classes = logits.shape[1];
    const float* x = logits.data + n * classes;
    const SoftmaxRow softmax(x, classes, lanes, temperature);
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) probabilities[n * classes + c] = softmax(x[c]);
  }
};

struct AlignRows {
  View<float, 2> probabilities;
  View<const float, 1> target, model;

  void check() const {
    check_shape("align_rows", model, {probabilities.shape[1]});
    if (target.size() != 0) check_shape("align_rows", target, {probabilities.shape[1]});
  }
  CRC_HD float moved(float p, int64_t c) const {
    constexpr float kEps = 1e-6f;
    const float wanted = target.size() != 0 ? target[c] : 1.0f / float(probabilities.shape[1]);
    return p * (wanted + kEps) / (model[c] + kEps);
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t classes = probabilities.shape[1];
    float* p = probabilities.data + n * classes;
    float sum = 0;
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) sum += p[c] = moved(p[c], c);
    sum = lanes.sum(sum);
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) p[c] /= sum;
  }
};

struct TopClass {
  View<float, 1> confidence;
  View<int32_t, 1> label;
  View<const float, 2> probabilities;

  void check() const {
    check_shape("top_class", confidence, {probabilities.shape[0]});
    check_shape("top_class", label, {probabilities.shape[0]});
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t classes = probabilities.shape[1];
    const float* p = probabilities.data + n * classes;
    float most = -INFINITY;
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) most = fmaxf(most, p[c]);
    most = lanes.max(most);
    int64_t first = classes;
    for (int64_t c = lanes.lane; c < classes; c += lanes.count)
      if (p[c] == most && first == classes) first = c;
    first = lanes.min(first);
    if (lanes.lane != 0) return;
    confidence[n] = first == classes ? 0 : most;  // all NaN: nothing is sure, but the label stays a class
    label[n] = first == classes ? 0 : int32_t(first);
  }
};

// probabilities[n] = softmax(logits[n] / temperature); [M,C]. May alias.
CRC_OP(void, sharpen, (View<float, 2> probabilities, View<const float, 2> logits, float temperature))
// Distribution alignment (Berthelot et al. 2020, ReMixMatch, section 3.1), in place: p_c (target_c + e) / (model_c +
// e), then divided by its sum; e = 1e-6. probabilities [M,C]; model [C]; target [C], or empty: uniform.
CRC_OP(void, align_rows, (View<float, 2> probabilities, View<const float, 1> target, View<const float, 1> model))
// confidence[n] = max_c p[n,c], label[n] = its class, the lowest on ties. probabilities [M,C]; confidence, label [M].
CRC_OP(void, top_class, (View<float, 1> confidence, View<int32_t, 1> label, View<const float, 2> probabilities))

}  // namespace crc
