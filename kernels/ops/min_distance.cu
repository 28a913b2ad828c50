#include "kernels/cuda/launch.cuh"
#include "kernels/ops/min_distance.h"

namespace crc {

void min_distance(Cuda& cuda, View<double, 1> nearest, View<const float, 2> x, View<const float, 2> centers) {
  for_each(cuda, "min_distance", nearest.size(), min_distance_step(nearest, x, centers));
}

}  // namespace crc
