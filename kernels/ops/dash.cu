#include "kernels/cuda/rows.cuh"
#include "kernels/ops/dash.h"

namespace crc {

void dash_targets(Cuda& cuda, View<float, 1> weight, View<float, 2> target, View<float, 1> level,
                  View<const float, 2> weak, View<const float, 1> rho, View<const StepState, 1> state,
                  DashConfig config) {
  const DashTargets work{weight, level, target, weak, rho, state, config};
  work.check();
  for_each_row(cuda, "dash_targets", weak.shape[0], work);
}

}  // namespace crc
