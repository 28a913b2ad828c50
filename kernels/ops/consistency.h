// Mean squared error between two softmaxes (Pi-model, Mean Teacher; Laine & Aila 2017):
//   losses[n] = mean_c (softmax(logits[n])_c - softmax(target[n])_c)^2,
//   dlogits = scale * state.consistency_weight * d losses[n] / d logits[n];  the target is a constant.
// A mask[n] of 0 leaves the row out (an empty mask keeps all). logits, target, dlogits [N,C]; losses, mask [N].
// Class: point (per row). dlogits may alias logits.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"

namespace crc {

CRC_OP(void, softmax_mse,
       (View<float, 2> dlogits, View<float, 1> losses, View<const float, 2> logits, View<const float, 2> target,
        View<const float, 1> mask, View<const StepState, 1> state, float scale))

}  // namespace crc
