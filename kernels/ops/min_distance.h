// nearest[i] = min(nearest[i], |x_i - center|^2): one step of k-center (Gonzalez 1985) and k-means++ over rows.
// nearest [N] fp64, x [N,D], center [D]. In fp64, summed over the features in order: the same bits on every device.
// Class: exact against that sum.
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct MinDistance {
  double* nearest;
  const float *x, *center;
  int64_t width;

  CRC_HD void operator()(int64_t i) const {
    double total = 0;
    for (int64_t d = 0; d < width; ++d) {
      const double difference = double(x[i * width + d]) - double(center[d]);
      total += difference * difference;
    }
    if (total < nearest[i]) nearest[i] = total;
  }
};

CRC_OP(void, min_distance, (View<double, 1> nearest, View<const float, 2> x, View<const float, 1> center))

}  // namespace crc
