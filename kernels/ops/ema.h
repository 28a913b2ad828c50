// Exponential moving average: ema = d*ema + (1-d)*w with d = state[0].ema_decay. ema, w [P]. Class: point.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"

namespace crc {

CRC_OP(void, ema_update, (View<float, 1> ema, View<const float, 1> w, View<const StepState, 1> state))

}  // namespace crc
