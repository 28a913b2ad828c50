#include "kernels/ops/target_ce.h"

#include "kernels/cpu/rows.h"

namespace crc {

void label_ce(Cpu& cpu, View<float, 2> dx, View<float, 1> losses, View<const float, 2> x, View<const int32_t, 1> labels,
              View<const float, 1> weight, View<const StepState, 1> state, TargetCeConfig config) {
  const LabelCe work{{dx, losses, x, weight, state, config}, labels};
  work.check();
  for_each_row(cpu, x.shape[0], work);
}

void target_ce(Cpu& cpu, View<float, 2> dx, View<float, 1> losses, View<const float, 2> x, View<const float, 2> target,
               View<const float, 1> weight, View<const StepState, 1> state, TargetCeConfig config) {
  const TargetCe work{{dx, losses, x, weight, state, config}, target};
  work.check();
  for_each_row(cpu, x.shape[0], work);
}

}  // namespace crc
