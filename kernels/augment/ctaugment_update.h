// What probes teach CTAugment: for every image and every level that its probe used, in order,
//   rate <- 0.99 rate + 0.01 (1 - |softmax(logits) - onehot(label)|_1 / 2)
// probabilities [B,C] of the probes augment_batch drew with the same config (Policy::ctaugment_probe), ids and state;
// labels [B]; -1 teaches nothing. rates [kCtRows, kCtBins], 1 at first. Class: reduce (the sums over C).
#pragma once

#include "kernels/augment/augment_batch.h"

namespace crc::augment {

CRC_OP(void, ctaugment_update,
       (View<float, 2> rates, View<const float, 2> probabilities, View<const int32_t, 1> labels,
        View<const int64_t, 1> ids, View<const StepState, 1> state, AugmentConfig config))

}  // namespace crc::augment
