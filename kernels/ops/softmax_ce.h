// Softmax cross-entropy and its gradient in one pass over the logits [N,C]. Class: point (per row).
#pragma once

#include "kernels/core/op.h"

namespace crc {

// losses[n] = -log softmax(logits[n])[labels[n]];  dlogits = scale * (softmax - onehot). A label of -1 leaves the row
// out: loss 0, gradient 0. `scale` is 1/B for a mean over B rows. dlogits may alias logits; dlogits may be empty.
CRC_OP(void, softmax_ce,
       (View<float, 2> dlogits, View<float, 1> losses, View<const float, 2> logits, View<const int32_t, 1> labels,
        float scale))

struct ConfidentCeConfig {
  float threshold = 0.95f;   // keep a row where the largest weak probability >= threshold
  float temperature = 1.0f;  // divides the weak logits before their softmax
  float scale = 1.0f;        // lambda_u / M: masked rows count as zeros in the mean
};
// FixMatch's unlabelled loss (Sohn et al. 2020, Eq. 4): pseudo[n] = argmax weak[n], mask[n] = its probability >=
// threshold, losses[n] = mask * CE(strong[n], pseudo[n]);  dstrong = scale * mask * (softmax(strong) - onehot(pseudo)).
// No gradient reaches the weak logits. weak, strong, dstrong [M,C]; losses, mask [M] fp32 (0 or 1); pseudo [M].
CRC_OP(void, confident_ce,
       (View<float, 2> dstrong, View<float, 1> losses, View<float, 1> mask, View<int32_t, 1> pseudo,
        View<const float, 2> weak, View<const float, 2> strong, ConfidentCeConfig config))

// probabilities[n] = softmax(logits[n]). May alias.
CRC_OP(void, softmax, (View<float, 2> probabilities, View<const float, 2> logits))

}  // namespace crc
