#include "kernels/cuda/launch.cuh"
#include "kernels/ops/min_distance.h"

namespace crc {

void min_distance(Cuda& cuda, View<double, 1> nearest, View<const float, 2> x, View<const float, 1> center) {
  check_shape("min_distance", nearest, {x.shape[0]});
  check_shape("min_distance", center, {x.shape[1]});
  for_each(cuda, "min_distance", nearest.size(), MinDistance{nearest.data, x.data, center.data, x.shape[1]});
}

}  // namespace crc
