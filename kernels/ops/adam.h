// Adam over one flat parameter buffer, in PyTorch's order (Kingma & Ba 2015; torch.optim.Adam, L2 weight decay):
//   g += weight_decay * w (first `decayed` elements);  m = beta1*m + (1-beta1)*g;  v = beta2*v + (1-beta2)*g^2
//   w -= lr/(1-beta1^t) * m / (sqrt(v)/sqrt(1-beta2^t) + eps),  t = state[0].step + 1
// As there, what depends on the betas and t alone is formed in fp64: 1 - 0.999f would be off by 1.3e-5.
// w, m, v, g [P]; rounded [P] or empty: the new w in bf16. Class: point.
#pragma once

#include <cmath>

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"
#include "kernels/ops/round.h"

namespace crc {

struct AdamConfig {
  double beta1 = 0.9;
  double beta2 = 0.999;
  float eps = 1e-8f;
  float weight_decay = 0;
  int64_t decayed = 0;
};

struct AdamScales {
  float rate;  // lr / (1 - beta1^t)
  float root;  // sqrt(1 - beta2^t)
};

// Once per step, so that no element pays for the powers.
struct AdamPrepare {
  AdamScales* scales;
  const StepState* state;
  AdamConfig config;

  CRC_HD void operator()(int64_t) const {
    const double t = double(state->step + 1);
    scales->rate = float(state->learning_rate / (1 - pow(config.beta1, t)));
    scales->root = float(sqrt(1 - pow(config.beta2, t)));
  }
};

struct AdamStep {
  float *w, *m, *v;
  const float* g;
  const AdamScales* scales;
  AdamConfig config;

  CRC_HD void operator()(int64_t i) const {
    const float grad = i < config.decayed ? g[i] + config.weight_decay * w[i] : g[i];
    m[i] = float(config.beta1) * m[i] + float(1 - config.beta1) * grad;
    v[i] = float(config.beta2) * v[i] + float(1 - config.beta2) * grad * grad;
    w[i] -= scales->rate * m[i] / (sqrtf(v[i]) / scales->root + config.eps);
  }
};

CRC_OP(void, adam_step,
       (View<float, 1> w, View<bf16, 1> rounded, View<float, 1> m, View<float, 1> v, View<const float, 1> g,
        View<const StepState, 1> state, AdamConfig config))

}  // namespace crc
