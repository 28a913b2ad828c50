#include "kernels/cuda/launch.cuh"
#include "kernels/ops/sgd.h"

namespace crc {

void sgd_step(Cuda& cuda, View<float, 1> w, View<bf16, 1> rounded, View<float, 1> m, View<const float, 1> g,
              View<const StepState, 1> state, SgdConfig config) {
  check_shape("sgd_step", m, {w.size()});
  check_shape("sgd_step", g, {w.size()});
  check_rounded("sgd_step", rounded, w.size());
  const SgdStep step{w.data, m.data, g.data, state.data, config};
  then_round(rounded, w, step, [&](const auto& moves) { for_each(cuda, "sgd_step", w.size(), moves); });
}

}  // namespace crc
