// What a semi-supervised method keeps of its batches: running means, in the form average = d * average + (1 - d) * new
// with d = config.decay, of the batch's columns, classes or spread. Sums are fp64, in a fixed order. Class: reduce.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"

namespace crc {

struct RunningConfig {
  float decay = 0.999f;
  bool first_replaces = false;  // step 0 leaves the batch's value alone
  int64_t until = 0;            // from this step on nothing moves; 0: always moves
};

struct Running {
  View<float, 1> average;
  View<const StepState, 1> state;
  RunningConfig config;

  CRC_HD void operator()(int64_t i, double value) const {
    const int64_t step = state[0].step;
    if (config.until > 0 && step >= config.until) return;
    const float d = config.first_replaces && step == 0 ? 0.0f : config.decay;
    average[i] = d * average[i] + (1 - d) * float(value);
  }
};

inline void check_running(const char* op, const View<float, 1>& average, int64_t size, int64_t rows,
                          const View<const StepState, 1>& state) {
  check_shape(op, average, {size});
  check_shape(op, state, {1});
  if (rows == 0) fail_internal(std::string(op) + ": no rows: they have no mean for '" + average.name + "'");
}

struct RunningMean {
  Running running;
  View<const float, 2> x;

  void check() const { check_running("running_mean", running.average, x.shape[1], x.shape[0], running.state); }
  template <class Lanes> CRC_HD void operator()(int64_t c, Lanes lanes) const {
    double sum = 0;
    for (int64_t n = lanes.lane; n < x.shape[0]; n += lanes.count) sum += x[n * x.shape[1] + c];
    sum = lanes.sum(sum);
    if (lanes.lane == 0) running(c, sum / double(x.shape[0]));
  }
};

struct RunningShares {
  Running running;
  View<const int32_t, 1> labels;

  void check() const {
    check_running("running_shares", running.average, running.average.size(), labels.size(), running.state);
  }
  template <class Lanes> CRC_HD void operator()(int64_t c, Lanes lanes) const {
    double count = 0;
    for (int64_t n = lanes.lane; n < labels.size(); n += lanes.count) count += labels[n] == c;
    count = lanes.sum(count);
    if (lanes.lane == 0) running(c, count / double(labels.size()));
  }
};

struct RunningMoments {
  Running mean, variance;
  View<const float, 1> x;

  void check() const {
    check_running("running_moments", mean.average, 1, x.size(), mean.state);
    check_running("running_moments", variance.average, 1, x.size(), variance.state);
  }
  template <class Lanes> CRC_HD void operator()(int64_t, Lanes lanes) const {
    const int64_t n = x.size();
    double sum = 0, squares = 0;
    for (int64_t i = lanes.lane; i < n; i += lanes.count) sum += x[i];
    const double middle = lanes.sum(sum) / double(n);
    for (int64_t i = lanes.lane; i < n; i += lanes.count) squares += (x[i] - middle) * (x[i] - middle);
    squares = lanes.sum(squares);
    if (lanes.lane != 0) return;
    mean(0, middle);
    variance(0, n > 1 ? squares / double(n - 1) : 0);
  }
};

struct WindowMean {
  View<float, 1> mean;
  View<float, 2> window;
  View<const float, 2> x;
  View<const StepState, 1> state;

  void check() const {
    check_shape("window_mean", window, {-1, x.shape[1]});
    check_running("window_mean", mean, x.shape[1], x.shape[0] * window.shape[0], state);
  }
  template <class Lanes> CRC_HD void operator()(int64_t c, Lanes lanes) const {
    const int64_t step = state[0].step, length = window.shape[0], classes = x.shape[1], here = step % length;
    const int64_t filled = step + 1 < length ? step + 1 : length;
    double sum = 0, past = 0;
    for (int64_t n = lanes.lane; n < x.shape[0]; n += lanes.count) sum += x[n * classes + c];
    const float now = float(lanes.sum(sum) / double(x.shape[0]));
    for (int64_t w = lanes.lane; w < filled; w += lanes.count)
      if (w != here) past += window[w * classes + c];
    past = lanes.sum(past);
    if (lanes.lane != 0) return;
    window[here * classes + c] = now;
    mean[c] = float((past + now) / double(filled));
  }
};

// average[c] follows the mean over rows of x[n,c]; x [M,C], average [C], M > 0.
CRC_OP(void, running_mean,
       (View<float, 1> average, View<const float, 2> x, View<const StepState, 1> state, RunningConfig config))
// average[c] follows the share of labels that are c; labels [M], average [C].
CRC_OP(void, running_shares,
       (View<float, 1> average, View<const int32_t, 1> labels, View<const StepState, 1> state, RunningConfig config))
// mean [1] and variance [1] follow those of x [M], the variance being the unbiased one.
CRC_OP(void, running_moments,
       (View<float, 1> mean, View<float, 1> variance, View<const float, 1> x, View<const StepState, 1> state,
        RunningConfig config))
// mean[c] = mean over the last W steps of the mean over rows of x[n,c]: window [W,C] keeps them, by step modulo W.
CRC_OP(void, window_mean,
       (View<float, 1> mean, View<float, 2> window, View<const float, 2> x, View<const StepState, 1> state))

}  // namespace crc
