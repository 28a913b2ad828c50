// Everything that changes from one training step to the next, in one small struct in device memory: ops read it there,
// so a step has no host value in it and can be replayed as a captured graph.
#pragma once

#include <cstdint>

namespace crc {

struct StepState {
  int64_t step = 0;  // optimizer steps completed; random counters use it
  float learning_rate = 0;
  float ema_decay = 0;
  float consistency_weight = 0;  // ramp of the unsupervised loss
  float ema_cap = 1;             // no average's decay is larger
};

}  // namespace crc
