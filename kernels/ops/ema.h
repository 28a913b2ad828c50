// Exponential moving average: ema = d*ema + (1-d)*w with d = state[0].ema_decay. ema, w [P]. Class: point.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"

namespace crc {

struct EmaUpdate {
  float* ema;
  const float* w;
  const StepState* state;

  CRC_HD void operator()(int64_t i) const {
    const float d = state->ema_decay;
    ema[i] = d * ema[i] + (1 - d) * w[i];
  }
};

CRC_OP(void, ema_update, (View<float, 1> ema, View<const float, 1> w, View<const StepState, 1> state))

}  // namespace crc
