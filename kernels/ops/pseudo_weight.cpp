#include "kernels/ops/pseudo_weight.h"

#include "kernels/cpu/rows.h"

namespace crc {

void keep_above(Cpu& cpu, View<float, 1> weight, View<const float, 1> confidence, View<const int32_t, 1> label,
                View<const float, 1> threshold) {
  const KeepAbove work{weight, confidence, threshold, label};
  work.check();
  for_each(cpu, weight.size(), work);
}

void gaussian_weight(Cpu& cpu, View<float, 1> weight, View<const float, 1> confidence, View<const float, 1> mean,
                     View<const float, 1> variance, float sigmas) {
  const GaussianWeight work{weight, confidence, mean, variance, sigmas};
  work.check();
  for_each(cpu, weight.size(), work);
}

void mean_threshold(Cpu& cpu, View<float, 1> threshold, View<const float, 1> confidence, float share) {
  const MeanThreshold work{threshold, confidence, share};
  work.check();
  for_each_row(cpu, 1, work);
}

void relative_thresholds(Cpu& cpu, View<float, 1> thresholds, View<const float, 1> level, View<const float, 1> model) {
  const RelativeThresholds work{thresholds, level, model};
  work.check();
  for_each_row(cpu, 1, work);
}

void curriculum_thresholds(Cpu& cpu, View<float, 1> thresholds, View<const float, 1> counts, int64_t items,
                           float threshold, bool warmup) {
  const CurriculumThresholds work{thresholds, counts, items, threshold, warmup};
  work.check();
  for_each_row(cpu, 1, work);
}

}  // namespace crc
