// kernels/ops/min_distance.h of four rows at once, wherever they lie: the same sums.
#pragma once

#include "kernels/cpu/lanes.h"

namespace crc {

// nearest = min(nearest, |x - center|^2) for `count` centres that share loads of the rows.
template <int64_t count>
void approach_four(Lanes& nearest, const float* const (&rows)[kLanes], const float* centers, int64_t width) {
  Lanes sums[count] = {};
  for (int64_t d = 0; d < width; ++d) {
    const Lanes x{double(rows[0][d]), double(rows[1][d]), double(rows[2][d]), double(rows[3][d])};
    for (int64_t c = 0; c < count; ++c) {
      const Lanes difference = x - all(double(centers[c * width + d]));
      sums[c] += difference * difference;
    }
  }
  for (const Lanes& sum : sums) nearest = sum < nearest ? sum : nearest;
}

}  // namespace crc
