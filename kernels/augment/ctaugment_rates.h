// The two steps of ctaugment_update, once for both backends: what each probe says, and what each rate makes of it.
#pragma once

#include "kernels/augment/ctaugment_update.h"
#include "kernels/augment/plan.h"

namespace crc::augment {

struct ProbeResult {
  double proximity;             // 1 - |p - onehot|_1 / 2
  int16_t rates[2 * kCtDepth];  // places of the levels used, in order; -1: none
};

struct ReadProbe {
  ProbeResult* results;
  View<const float, 2> probabilities;
  const int32_t* labels;
  const int64_t* ids;
  const StepState* state;
  AugmentConfig config;

  CRC_HD void operator()(int64_t i) const {
    Draws draws(config.seed, config.purpose, ids[i] | i << 32, state->step);
    draw_window(config, draws, state->step);
    float error = 0;
    for (int64_t c = 0; c < probabilities.shape[1]; ++c)
      error += fabsf(probabilities(i, c) - (c == labels[i] ? 1.0f : 0.0f));
    results[i].proximity = 1 - 0.5 * double(error);
    for (int d = 0; d < kCtDepth; ++d) {
      const CtChoice choice = draw_choice(draws, nullptr);
      draws.below(1), draws.below(1);  // a cutout's centre
      results[i].rates[2 * d] = int16_t(labels[i] < 0 ? -1 : choice.rate);
      results[i].rates[2 * d + 1] = int16_t(labels[i] < 0 ? -1 : choice.filter_rate);
    }
  }
};

struct MoveRate {
  float* rates;
  const ProbeResult* results;
  int64_t images;

  CRC_HD void operator()(int64_t r) const {
    float rate = rates[r];
    for (int64_t i = 0; i < images; ++i)
      for (const int16_t used : results[i].rates)
        if (used == r) rate = float(double(rate) * kCtDecay + results[i].proximity * (1 - kCtDecay));
    rates[r] = rate;
  }
};

inline void check_update(View<float, 2> rates, View<const float, 2> probabilities, View<const int32_t, 1> labels,
                         View<const int64_t, 1> ids, View<const StepState, 1> state) {
  check_shape("ctaugment_update", rates, {kCtRows, kCtBins});
  check_shape("ctaugment_update", probabilities, {ids.size(), -1});
  check_shape("ctaugment_update", labels, {ids.size()});
  check_shape("ctaugment_update", state, {1});
}

}  // namespace crc::augment
