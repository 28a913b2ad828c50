// nearest[i] = min(nearest[i], min_k |x_i - center_k|^2): the distance to the nearest centre, for k-center (Gonzalez
// 1985) and k-means++ over rows, whose centres come one by one. nearest [N] fp64, x [N,D], centers [K,D].
// In fp64, summed over the features in order: the same bits on every device. Sums of squared differences, and not norms
// and inner products as in kernels/ops/pairwise_tile.h: features that hardly differ stay apart. Class: exact against
// that sum.
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct MinDistance {
  double* nearest;
  const float *x, *centers;
  int64_t count, width;

  CRC_HD void operator()(int64_t i) const {
    for (int64_t k = 0; k < count; ++k) {
      double total = 0;
      for (int64_t d = 0; d < width; ++d) {
        const double difference = double(x[i * width + d]) - double(centers[k * width + d]);
        total += difference * difference;
      }
      if (total < nearest[i]) nearest[i] = total;
    }
  }
};

CRC_OP(void, min_distance, (View<double, 1> nearest, View<const float, 2> x, View<const float, 2> centers))

// Checks the shapes of both backends' calls.
inline MinDistance min_distance_step(View<double, 1> nearest, View<const float, 2> x, View<const float, 2> centers) {
  check_shape("min_distance", nearest, {x.shape[0]});
  check_shape("min_distance", centers, {-1, x.shape[1]});
  return {nearest.data, x.data, centers.data, centers.shape[0], x.shape[1]};
}

}  // namespace crc
