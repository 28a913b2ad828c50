#include "kernels/ops/fairness.h"

#include "kernels/cpu/rows.h"

namespace crc {

void fairness_batch(Cpu& cpu, View<float, 2> batch, View<const float, 2> p, View<const int32_t, 1> likeliest,
                    View<const float, 1> weight) {
  const FairnessBatch work{batch, p, likeliest, weight};
  work.check();
  for_each_row(cpu, p.shape[1], work);
}

void fairness_pull(Cpu& cpu, View<float, 1> pull, View<const float, 2> batch, View<const float, 1> model,
                   View<const float, 1> shares) {
  const FairnessPull work{pull, batch, model, shares};
  work.check();
  for_each_row(cpu, 1, work);
}

void fairness_rows(Cpu& cpu, View<float, 2> dx, View<const float, 2> p, View<const float, 1> weight,
                   View<const float, 1> pull, float scale) {
  const FairnessRows work{dx, p, weight, pull, scale};
  work.check();
  for_each_row(cpu, p.shape[0], work);
}

}  // namespace crc
