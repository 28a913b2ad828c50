#include "kernels/cuda/rows.cuh"
#include "kernels/ops/consistency.h"

namespace crc {

void softmax_mse(Cuda& cuda, View<float, 2> dlogits, View<float, 1> losses, View<const float, 2> logits,
                 View<const float, 2> target, View<const float, 1> mask, View<const StepState, 1> state, float scale) {
  const SoftmaxMse rows{dlogits, losses, logits, target, mask, state, scale};
  rows.check();
  for_each_row(cuda, "softmax_mse", logits.shape[0], rows);
}

}  // namespace crc
