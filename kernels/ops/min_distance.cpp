#include "kernels/ops/min_distance.h"

#include "kernels/cpu/for_each.h"
#include "kernels/cpu/four_rows.h"

namespace crc {
void min_distance(Cpu& cpu, View<double, 1> nearest, View<const float, 2> x, View<const float, 2> centers) {
  const MinDistance step = min_distance_step(nearest, x, centers);
  constexpr int64_t kGrain = 256, kTogether = 4;  // rows of hundreds of features; centres
  for_chunks(cpu, nearest.size(), kGrain, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += kLanes) {
      const int64_t count = std::min(kLanes, end - i);
      const float* rows[kLanes];
      for (int64_t r = 0; r < kLanes; ++r) rows[r] = step.x + (i + std::min(r, count - 1)) * step.width;
      double least[kLanes] = {};
      std::copy_n(step.nearest + i, count, least);
      Lanes sums = load(least);
      int64_t k = 0;
      for (; k + kTogether <= step.count; k += kTogether)
        approach_four<kTogether>(sums, rows, step.centers + k * step.width, step.width);
      for (; k < step.count; ++k) approach_four<1>(sums, rows, step.centers + k * step.width, step.width);
      store(least, sums);
      std::copy_n(least, count, step.nearest + i);
    }
  });
}

}  // namespace crc
