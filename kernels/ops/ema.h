// Exponential moving averages: ema = d*ema + (1-d)*w with d = state[0].ema_decay. ema, w [P]; rounded [P] or empty:
// the new ema in bf16. Class: point.
#pragma once

#include <cmath>

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"
#include "kernels/ops/round.h"

namespace crc {

struct EmaUpdate {
  float* ema;
  const float* w;
  const StepState* state;

  CRC_HD void operator()(int64_t i) const { move(ema[i], w[i], state->ema_decay); }
  static CRC_HD void move(float& average, float value, float d) { average = d * average + (1 - d) * value; }
};

// Decays of further averages.
struct EmaDecays {
  static constexpr int64_t kMost = 8;
  float decay[kMost] = {};
};

struct EmaUpdates {
  EmaUpdate first;
  View<float, 2> more;
  EmaDecays decays;

  CRC_HD void operator()(int64_t i) const {
    const float value = first.w[i], cap = first.state->ema_cap;
    EmaUpdate::move(first.ema[i], value, first.state->ema_decay);
    for (int64_t k = 0; k < more.shape[0]; ++k)
      EmaUpdate::move(more[k * more.shape[1] + i], value, fminf(decays.decay[k], cap));
  }
  void check() const {
    if (more.shape[0] <= EmaDecays::kMost) return;
    fail_internal("ema_updates: " + std::to_string(more.shape[0]) + " averages, room for " +
                  std::to_string(EmaDecays::kMost));
  }
};

CRC_OP(void, ema_update,
       (View<float, 1> ema, View<bf16, 1> rounded, View<const float, 1> w, View<const StepState, 1> state))
// The same, and in the same pass more[k] with d = min(decays.decay[k], state[0].ema_cap). more [K,P], K <= kMost.
CRC_OP(void, ema_updates,
       (View<float, 1> ema, View<bf16, 1> rounded, View<float, 2> more, View<const float, 1> w,
        View<const StepState, 1> state, EmaDecays decays))

}  // namespace crc
