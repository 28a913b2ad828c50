// Cross-entropy of labels whose classes are not equally frequent, and its gradient in one pass over the logits [N,C],
// y = labels[n]:
//   losses[n] = weight_y * -log softmax(x[n] + shift)_y;  dx[n] = scale * weight_y * (softmax(x[n] + shift) - onehot(y))
// shift [C]: tau * log of the classes' shares (Menon et al. 2021, "Long-tail learning via logit adjustment", Eq. 10).
// weight [C]: the rarer the class the more (Cui et al. 2019, "Class-Balanced Loss Based on Effective Number of
// Samples", section 4). Either may be empty: 0, and 1. Class: point (per row).
#pragma once

#include "kernels/ops/softmax_ce.h"

namespace crc {

struct BalancedCe {
  View<float, 2> dx;
  View<float, 1> losses;
  View<const float, 2> x;
  View<const int32_t, 1> labels;
  View<const float, 1> shift, weight;
  float scale;

  void check() const {
    const int64_t rows = x.shape[0], classes = x.shape[1];
    check_shape("balanced_ce", dx, {rows, classes});
    check_shape("balanced_ce", losses, {rows});
    check_shape("balanced_ce", labels, {rows});
    if (shift.size() != 0) check_shape("balanced_ce", shift, {classes});
    if (weight.size() != 0) check_shape("balanced_ce", weight, {classes});
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t classes = x.shape[1], label = labels[n];
    float* row = dx.data + n * classes;
    if (label < 0 || label >= classes) {
      const float fill = label == -1 ? 0.0f : NAN;
      if (lanes.lane == 0) losses[n] = fill;
      for (int64_t c = lanes.lane; c < classes; c += lanes.count) row[c] = fill;
      return;
    }
    const float keep = weight.size() != 0 ? weight[label] : 1.0f;
    for (int64_t c = lanes.lane; c < classes; c += lanes.count)
      row[c] = x[n * classes + c] + (shift.size() != 0 ? shift[c] : 0.0f);
    cross_entropy_row(row, &losses[n], row, classes, label, keep, keep * scale, lanes);
  }
};

// Labels as softmax_ce takes them: -1 leaves a row out. dx [N,C] may alias x; losses, labels [N].
CRC_OP(void, balanced_ce,
       (View<float, 2> dx, View<float, 1> losses, View<const float, 2> x, View<const int32_t, 1> labels,
        View<const float, 1> shift, View<const float, 1> weight, float scale))

}  // namespace crc
