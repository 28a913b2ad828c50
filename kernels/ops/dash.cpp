#include "kernels/ops/dash.h"

#include "kernels/cpu/rows.h"

namespace crc {

void dash_targets(Cpu& cpu, View<float, 1> weight, View<float, 2> target, View<float, 1> level,
                  View<const float, 2> weak, View<const float, 1> rho, View<const StepState, 1> state,
                  DashConfig config) {
  const DashTargets work{weight, level, target, weak, rho, state, config};
  work.check();
  for_each_row(cpu, weak.shape[0], work);
}

}  // namespace crc
