#include "kernels/cuda/rows.cuh"
#include "kernels/ops/balanced_ce.h"

namespace crc {

void balanced_ce(Cuda& cuda, View<float, 2> dx, View<float, 1> losses, View<const float, 2> x,
                 View<const int32_t, 1> labels, View<const float, 1> shift, View<const float, 1> weight, float scale) {
  const BalancedCe rows{dx, losses, x, labels, shift, weight, scale};
  rows.check();
  for_each_row(cuda, "balanced_ce", x.shape[0], rows);
}

}  // namespace crc
