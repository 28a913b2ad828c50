// SGD with (Nesterov) momentum over one flat parameter buffer, in PyTorch's order (torch.optim.SGD):
//   g += weight_decay * w   for the first `decayed` elements (decayed parameters come first in the buffer)
//   m  = momentum * m + g;  w -= lr * (nesterov ? g + momentum * m : m)
// lr comes from state[0].learning_rate. w, m, g [P]; rounded [P] or empty: the new w in bf16. Class: point.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"
#include "kernels/ops/round.h"

namespace crc {

struct SgdConfig {
  float momentum = 0.9f;
  float weight_decay = 5e-4f;
  int64_t decayed = 0;
  bool nesterov = true;
};

struct SgdStep {
  float *w, *m;
  const float* g;
  const StepState* state;
  SgdConfig config;

  CRC_HD void operator()(int64_t i) const {
    const float grad = i < config.decayed ? g[i] + config.weight_decay * w[i] : g[i];
    const float momentum = config.momentum * m[i] + grad;
    m[i] = momentum;
    w[i] -= state->learning_rate * (config.nesterov ? grad + config.momentum * momentum : momentum);
  }
};

CRC_OP(void, sgd_step,
       (View<float, 1> w, View<bf16, 1> rounded, View<float, 1> m, View<const float, 1> g,
        View<const StepState, 1> state, SgdConfig config))

}  // namespace crc
