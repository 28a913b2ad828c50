// AdaMatch's random logit interpolation (Berthelot et al. 2022, Eq. 1): mixed = r * joint + (1 - r) * alone, one r in
// [0,1) for each element i of step t: Draws(seed, Purpose::interpolation, i, t). Arrays [B,C]. Class: point.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/random.h"
#include "kernels/core/step_state.h"

namespace crc {

struct MixLogits {
  View<float, 2> mixed;
  View<const float, 2> joint, alone;
  View<const StepState, 1> state;
  uint32_t seed;

  void check() const {
    for (const auto& v : {joint, alone}) check_shape("mix_logits", v, {mixed.shape[0], mixed.shape[1]});
    check_shape("mix_logits", state, {1});
  }
  CRC_HD void operator()(int64_t i) const {
    const float r = Draws(seed, Purpose::interpolation, i, state[0].step).uniform();
    mixed[i] = r * joint[i] + (1 - r) * alone[i];
  }
};

struct SplitGradient {
  View<float, 2> djoint, dalone;
  View<const float, 2> dmixed;
  View<const StepState, 1> state;
  uint32_t seed;

  void check() const {
    for (const auto& v : {djoint, dalone}) check_shape("split_gradient", v, {dmixed.shape[0], dmixed.shape[1]});
    check_shape("split_gradient", state, {1});
  }
  CRC_HD void operator()(int64_t i) const {
    const float r = Draws(seed, Purpose::interpolation, i, state[0].step).uniform();
    djoint[i] = r * dmixed[i];
    dalone[i] = (1 - r) * dmixed[i];
  }
};

CRC_OP(void, mix_logits,
       (View<float, 2> mixed, View<const float, 2> joint, View<const float, 2> alone, View<const StepState, 1> state,
        uint32_t seed))
// The way back: djoint = r * dmixed, dalone = (1 - r) * dmixed.
CRC_OP(void, split_gradient,
       (View<float, 2> djoint, View<float, 2> dalone, View<const float, 2> dmixed, View<const StepState, 1> state,
        uint32_t seed))

}  // namespace crc
