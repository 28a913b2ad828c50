#include "kernels/cuda/launch.cuh"
#include "kernels/ops/tf32_split.h"

namespace crc {

void tf32_split(Cuda& cuda, View<float, 3> parts, View<const float, 2> x, Factor factor) {
  for_each(cuda, "tf32_split", x.size(), tf32_split_step(parts, x, factor));
}

}  // namespace crc
