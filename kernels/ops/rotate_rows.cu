#include "kernels/cuda/launch.cuh"
#include "kernels/ops/rotate_rows.h"

namespace crc {

void rotate_rows(Cuda& cuda, View<double, 2> v, View<const float, 2> h, View<const int64_t, 1> items,
                 View<const double, 2> rotation, double scale) {
  for_each(cuda, "rotate_rows", v.size(), rotation_of(v, h, items, rotation, scale));
}
void rotate_rows(Cuda& cuda, View<double, 2> v, View<const double, 2> h, View<const int64_t, 1> items,
                 View<const double, 2> rotation, double scale) {
  for_each(cuda, "rotate_rows", v.size(), rotation_of(v, h, items, rotation, scale));
}

void augmented_rows(Cuda& cuda, View<double, 2> v, View<const float, 2> h, View<const int64_t, 1> items, double scale) {
  for_each(cuda, "augmented_rows", v.size(), augmentation_of(v, h, items, scale));
}
void augmented_rows(Cuda& cuda, View<double, 2> v, View<const double, 2> h, View<const int64_t, 1> items,
                    double scale) {
  for_each(cuda, "augmented_rows", v.size(), augmentation_of(v, h, items, scale));
}

}  // namespace crc
