#include "kernels/ops/ema.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void ema_update(Cpu& cpu, View<float, 1> ema, View<bf16, 1> rounded, View<const float, 1> w,
                View<const StepState, 1> state) {
  check_shape("ema_update", w, {ema.size()});
  check_shape("ema_update", state, {1});
  check_rounded("ema_update", rounded, ema.size());
  const EmaUpdate step{ema.data, w.data, state.data};
  then_round(rounded, ema, step, [&](const auto& moves) { for_each(cpu, ema.size(), moves); });
}

void ema_updates(Cpu& cpu, View<float, 1> ema, View<bf16, 1> rounded, View<float, 2> more, View<const float, 1> w,
                 View<const StepState, 1> state, EmaDecays decays) {
  check_shape("ema_updates", w, {ema.size()});
  check_shape("ema_updates", more, {-1, ema.size()});
  check_shape("ema_updates", state, {1});
  check_rounded("ema_updates", rounded, ema.size());
  const EmaUpdates work{{ema.data, w.data, state.data}, more, decays};
  work.check();
  then_round(rounded, ema, work, [&](const auto& moves) { for_each(cpu, ema.size(), moves); });
}

}  // namespace crc
