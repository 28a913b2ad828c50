#include "kernels/cuda/rows.cuh"
#include "kernels/ops/fairness.h"

namespace crc {

void fairness_batch(Cuda& cuda, View<float, 2> batch, View<const float, 2> p, View<const int32_t, 1> likeliest,
                    View<const float, 1> weight) {
  const FairnessBatch work{batch, p, likeliest, weight};
  work.check();
  for_each_row(cuda, "fairness_batch", p.shape[1], work);
}

void fairness_pull(Cuda& cuda, View<float, 1> pull, View<const float, 2> batch, View<const float, 1> model,
                   View<const float, 1> shares) {
  const FairnessPull work{pull, batch, model, shares};
  work.check();
  for_each_row(cuda, "fairness_pull", 1, work);
}

void fairness_rows(Cuda& cuda, View<float, 2> dx, View<const float, 2> p, View<const float, 1> weight,
                   View<const float, 1> pull, float scale) {
  const FairnessRows work{dx, p, weight, pull, scale};
  work.check();
  for_each_row(cuda, "fairness_rows", p.shape[0], work);
}

}  // namespace crc
