// The schedules of a training run, evaluated on the device: sets `state` up for step t, or moves it to the next one.
//   learning rate  cosine: base * max(0, cos(7*pi*t / (16*horizon)))  (FixMatch)
//                  staircase: base * (t >= drop_at ? drop : 1)
//   ema decay      min(cap, d), where the cap is 1;  warmed: 1 - 1/(t+2)
//   consistency    ramp == 0: weight;  else weight times, with r = min(t/ramp, 1)
//                  gaussian: exp(-5 * (1 - min((t+1)/ramp, 1))^2);  linear: r;  cosine: (1 - cos(pi r)) / 2  (AdaMatch)
// t counts the steps done. Warmed decay and gaussian ramp are those of Mean Teacher in perrying's code, which counts
// from 1 there.
// Formed in fp64, stored in fp32. state [1]. Class: point.
#pragma once

#include <cmath>

#include "kernels/core/choice.h"
#include "kernels/core/op.h"
#include "kernels/core/step_state.h"

namespace crc {

CRC_CHOICE(RateSchedule, cosine, staircase)
CRC_CHOICE(RampShape, gaussian, linear, cosine)

struct Schedule {
  RateSchedule rate = RateSchedule::cosine;
  double base_rate = 0.03;
  int64_t horizon = 1 << 20;  // cosine: steps, above 0
  int64_t drop_at = 400000;   // staircase
  double drop = 0.2;
  double ema_decay = 0.999;
  bool ema_warmup = false;
  double consistency_weight = 1;
  int64_t ramp = 0;  // steps
  RampShape ramp_shape = RampShape::gaussian;

  CRC_HD StepState at(int64_t t) const {
    const double step = double(t);
    double factor = t >= drop_at ? drop : 1;
    if (rate == RateSchedule::cosine)
      factor = fmax(0.0, cos(7 * 3.14159265358979323846 * step / (16 * double(horizon))));
    const double cap = ema_warmup ? 1 - 1 / (step + 2) : 1;
    return {t, float(base_rate * factor), float(fmin(cap, ema_decay)), float(consistency_weight * ramped(step)),
            float(cap)};
  }

 private:
  CRC_HD double ramped(double step) const {
    const double risen = ramp == 0 ? 1 : fmin(step / double(ramp), 1.0);
    if (ramp_shape == RampShape::linear) return risen;
    if (ramp_shape == RampShape::cosine) return (1 - cos(3.14159265358979323846 * risen)) / 2;
    const double missing = ramp == 0 ? 0 : 1 - fmin((step + 1) / double(ramp), 1.0);
    return exp(-5 * missing * missing);
  }
};

struct SetStep {
  StepState* state;
  Schedule schedule;
  int64_t step;
  CRC_HD void operator()(int64_t) const { *state = schedule.at(step); }
};

struct AdvanceStep {
  StepState* state;
  Schedule schedule;
  CRC_HD void operator()(int64_t) const { *state = schedule.at(state->step + 1); }
};

CRC_OP(void, set_step, (View<StepState, 1> state, Schedule schedule, int64_t step))  // state = schedule.at(step)
CRC_OP(void, advance_step, (View<StepState, 1> state, Schedule schedule))  // state = schedule.at(state.step + 1)

}  // namespace crc
