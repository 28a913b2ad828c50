// Adam over one flat parameter buffer, in PyTorch's order (Kingma & Ba 2015; torch.optim.Adam, L2 weight decay):
//   g += weight_decay * w (first `decayed` elements);  m = beta1*m + (1-beta1)*g;  v = beta2*v + (1-beta2)*g^2
//   w -= lr/(1-beta1^t) * m / (sqrt(v)/sqrt(1-beta2^t) + eps),  t = state[0].step + 1
// The powers are formed in fp64. w, m, v, g [P]. Class: point.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"

namespace crc {

struct AdamConfig {
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float eps = 1e-8f;
  float weight_decay = 0;
  int64_t decayed = 0;
};

CRC_OP(void, adam_step,
       (View<float, 1> w, View<float, 1> m, View<float, 1> v, View<const float, 1> g, View<const StepState, 1> state,
        AdamConfig config))

}  // namespace crc
