#include "kernels/cuda/launch.cuh"
#include "kernels/ops/ema.h"

namespace crc {

void ema_update(Cuda& cuda, View<float, 1> ema, View<bf16, 1> rounded, View<const float, 1> w,
                View<const StepState, 1> state) {
  check_shape("ema_update", w, {ema.size()});
  check_shape("ema_update", state, {1});
  check_rounded("ema_update", rounded, ema.size());
  const EmaUpdate step{ema.data, w.data, state.data};
  then_round(rounded, ema, step, [&](const auto& moves) { for_each(cuda, "ema_update", ema.size(), moves); });
}

void ema_updates(Cuda& cuda, View<float, 1> ema, View<bf16, 1> rounded, View<float, 2> more, View<const float, 1> w,
                 View<const StepState, 1> state, EmaDecays decays) {
  check_shape("ema_updates", w, {ema.size()});
  check_shape("ema_updates", more, {-1, ema.size()});
  check_shape("ema_updates", state, {1});
  check_rounded("ema_updates", rounded, ema.size());
  const EmaUpdates work{{ema.data, w.data, state.data}, more, decays};
  work.check();
  then_round(rounded, ema, work, [&](const auto& moves) { for_each(cuda, "ema_updates", ema.size(), moves); });
}

}  // namespace crc
