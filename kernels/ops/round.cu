#include "kernels/cuda/launch.cuh"
#include "kernels/ops/round.h"

namespace crc {

void round_values(Cuda& cuda, View<bf16, 1> y, View<const float, 1> x) {
  check_shape("round_values", y, {x.size()});
  for_each(cuda, "round_values", x.size(), RoundToBf16{y.data, x.data});
}

}  // namespace crc
