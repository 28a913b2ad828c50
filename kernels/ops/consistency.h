// Mean squared error between two softmaxes (Pi-model, Mean Teacher; Laine & Aila 2017):
//   losses[n] = mean_c (softmax(logits[n])_c - softmax(target[n])_c)^2,
//   dlogits = scale * state.consistency_weight * d losses[n] / d logits[n];  the target is a constant.
// A mask[n] of 0 leaves the row out: loss 0, gradient 0 (an empty mask keeps all). logits, target, dlogits [N,C];
// losses, mask [N]. Class: reduce (per row: the gradient is a difference of sums). dlogits may alias logits.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"
#include "kernels/ops/softmax_ce.h"

namespace crc {

struct SoftmaxMse {
  View<float, 2> dlogits;
  View<float, 1> losses;
  View<const float, 2> logits, target;
  View<const float, 1> mask;
  View<const StepState, 1> state;
  float scale;

  void check() const {
    const int64_t rows = logits.shape[0], classes = logits.shape[1];
    check_shape("softmax_mse", dlogits, {rows, classes});
    check_shape("softmax_mse", losses, {rows});
    check_shape("softmax_mse", target, {rows, classes});
    if (mask.size() != 0) check_shape("softmax_mse", mask, {rows});
    check_shape("softmax_mse", state, {1});
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t classes = logits.shape[1];
    float* dx = dlogits.data + n * classes;
    if (mask.size() != 0 && mask[n] == 0) {
      if (lanes.lane == 0) losses[n] = 0;
      for (int64_t c = lanes.lane; c < classes; c += lanes.count) dx[c] = 0;
      return;
    }
    const float *x = logits.data + n * classes, *y = target.data + n * classes;
    const SoftmaxRow p(x, classes, lanes), q(y, classes, lanes);
    float square = 0, inner = 0;  // |p - q|^2 and <p, p - q>
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) {
      const float difference = p(x[c]) - q(y[c]);
      square += difference * difference;
      inner += p(x[c]) * difference;
    }
    square = lanes.sum(square);
    inner = lanes.sum(inner);
    if (lanes.lane == 0) losses[n] = square / float(classes);
    const float factor = scale * state[0].consistency_weight * 2.0f / float(classes);
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) dx[c] = factor * p(x[c]) * (p(x[c]) - q(y[c]) - inner);
  }
};

CRC_OP(void, softmax_mse,
       (View<float, 2> dlogits, View<float, 1> losses, View<const float, 2> logits, View<const float, 2> target,
        View<const float, 1> mask, View<const StepState, 1> state, float scale))

}  // namespace crc
