// The sampler: which items the next batch holds. Item b of step t stands at place t*B + b of an endless sequence of
// permutations of `pool`, so every item comes once per pass, and a batch depends on (seed, purpose, step) alone.
// With replacement every item of a batch is a draw of its own instead: Draws(seed, purpose, b, t).
// ids [B], pool [N] with 0 < N < 2^31. Class: exact.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/random.h"
#include "kernels/core/step_state.h"

namespace crc {

struct DrawConfig {
  uint32_t seed = 0;
  Purpose purpose = Purpose::labeled_order;
  bool replacement = false;
};

struct DrawBatch {
  int64_t* ids;
  const int64_t* pool;
  int64_t batch, pool_size;
  const StepState* state;
  DrawConfig config;

  CRC_HD void operator()(int64_t b) const {
    if (config.replacement) {
      ids[b] = pool[Draws(config.seed, config.purpose, b, state->step).below(uint32_t(pool_size))];
      return;
    }
    const int64_t place = state->step * batch + b;
    const int64_t pass = place / pool_size;
    ids[b] =
        pool[permute(config.seed, config.purpose, uint32_t(pass), uint32_t(pool_size), uint32_t(place % pool_size))];
  }
};

inline void check_draw_batch(View<const int64_t, 1> pool, View<const StepState, 1> state) {
  check_shape("draw_batch", state, {1});
  if (pool.size() == 0 || pool.size() >= int64_t(1) << 31)
    fail_internal("draw_batch: '" + std::string(pool.name) + "' has " + std::to_string(pool.size()) +
                  " items, expected 1 to 2^31-1");
}

CRC_OP(void, draw_batch,
       (View<int64_t, 1> ids, View<const int64_t, 1> pool, View<const StepState, 1> state, DrawConfig config))

}  // namespace crc
