#include "kernels/cuda/rows.cuh"
#include "kernels/ops/pseudo_weight.h"

namespace crc {

void keep_above(Cuda& cuda, View<float, 1> weight, View<const float, 1> confidence, View<const int32_t, 1> label,
                View<const float, 1> threshold) {
  const KeepAbove work{weight, confidence, threshold, label};
  work.check();
  for_each(cuda, "keep_above", weight.size(), work);
}

void gaussian_weight(Cuda& cuda, View<float, 1> weight, View<const float, 1> confidence, View<const float, 1> mean,
                     View<const float, 1> variance, float sigmas) {
  const GaussianWeight work{weight, confidence, mean, variance, sigmas};
  work.check();
  for_each(cuda, "gaussian_weight", weight.size(), work);
}

void mean_threshold(Cuda& cuda, View<float, 1> threshold, View<const float, 1> confidence, float share) {
  const MeanThreshold work{threshold, confidence, share};
  work.check();
  for_each_row(cuda, "mean_threshold", 1, work);
}

void relative_thresholds(Cuda& cuda, View<float, 1> thresholds, View<const float, 1> level,
                         View<const float, 1> model) {
  const RelativeThresholds work{thresholds, level, model};
  work.check();
  for_each_row(cuda, "relative_thresholds", 1, work);
}

void curriculum_thresholds(Cuda& cuda, View<float, 1> thresholds, View<const float, 1> counts, int64_t items,
                           float threshold, bool warmup) {
  const CurriculumThresholds work{thresholds, counts, items, threshold, warmup};
  work.check();
  for_each_row(cuda, "curriculum_thresholds", 1, work);
}

}  // namespace crc
