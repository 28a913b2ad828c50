#include "kernels/cuda/launch.cuh"
#include "kernels/ops/outer_distance.h"

namespace crc {

void outer_norms(Cuda& cuda, View<double, 1> squared, View<const float, 2> delta, View<const float, 2> h) {
  for_each(cuda, "outer_norms", squared.size(),
           OuterNorm{squared.data, outer_rows("outer_norms", squared.size(), delta, h)});
}

void min_outer_distance(Cuda& cuda, View<double, 1> nearest, View<const double, 1> squared, View<const float, 2> delta,
                        View<const float, 2> h, View<const double, 1> center_squared, View<const float, 2> center_delta,
                        View<const float, 2> center_h) {
  for_each(cuda, "min_outer_distance", nearest.size(),
           min_outer_distance_step(nearest, squared, delta, h, center_squared, center_delta, center_h));
}

}  // namespace crc
