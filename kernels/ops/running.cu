#include "kernels/cuda/rows.cuh"
#include "kernels/ops/running.h"

namespace crc {

void running_mean(Cuda& cuda, View<float, 1> average, View<const float, 2> x, View<const StepState, 1> state,
                  RunningConfig config) {
  const RunningMean work{{average, state, config}, x};
  work.check();
  for_each_row(cuda, "running_mean", x.shape[1], work);
}

void running_shares(Cuda& cuda, View<float, 1> average, View<const int32_t, 1> labels, View<const StepState, 1> state,
                    RunningConfig config) {
  const RunningShares work{{average, state, config}, labels};
  work.check();
  for_each_row(cuda, "running_shares", average.size(), work);
}

void running_moments(Cuda& cuda, View<float, 1> mean, View<float, 1> variance, View<const float, 1> x,
                     View<const StepState, 1> state, RunningConfig config) {
  const RunningMoments work{{mean, state, config}, {variance, state, config}, x};
  work.check();
  for_each_row(cuda, "running_moments", 1, work);
}

void window_mean(Cuda& cuda, View<float, 1> mean, View<float, 2> window, View<const float, 2> x,
                 View<const StepState, 1> state) {
  const WindowMean work{mean, window, x, state};
  work.check();
  for_each_row(cuda, "window_mean", x.shape[1], work);
}

}  // namespace crc
