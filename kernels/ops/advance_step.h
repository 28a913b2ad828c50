// The schedules of a training run, evaluated on the device: sets `state` up for step t, or moves it to the next one.
//   learning rate  cosine: base * cos(7*pi*t / (16*horizon))  (FixMatch);  staircase: base * (t >= drop_at ? drop : 1)
//   ema decay      constant d;  warmed: min(1 - 1/(t+1), d)  (Mean Teacher)
//   consistency    ramp == 0: weight;  else weight * exp(-5 * (1 - min(t/ramp, 1))^2)
// Formed in fp64, stored in fp32. Class: point.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"

namespace crc {

struct Schedule {
  enum class Rate : uint8_t { cosine, staircase } rate = Rate::cosine;
  double base_rate = 0.03;
  int64_t horizon = 1 << 20;  // cosine: steps
  int64_t drop_at = 400000;   // staircase
  double drop = 0.2;
  double ema_decay = 0.999;
  bool ema_warmup = false;
  double consistency_weight = 1;
  int64_t ramp = 0;  // steps

  CRC_HD StepState at(int64_t t) const;
};

CRC_OP(void, set_step, (View<StepState, 1> state, Schedule schedule, int64_t step))  // state = schedule.at(step)
CRC_OP(void, advance_step, (View<StepState, 1> state, Schedule schedule))  // state = schedule.at(state.step + 1)

}  // namespace crc
