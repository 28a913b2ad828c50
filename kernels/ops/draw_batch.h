// The sampler: which items the next batch holds, a function of (seed, purpose, step) alone. With T steps an epoch:
//   permutations  Item b of step t stands at place tB + b of an endless sequence of permutations of `pool`: every item
//                 comes once per pass, and no batch holds one twice that has other items to take.
//   replacement   Every item of a batch is a draw of its own: Draws(seed, purpose, b, t) (LeeDoYup).
//   expanded      `pool` ceil(TB / N) times in one list, that list permuted anew each pass, and what fills no
//                 batch left out: nearly multinomial batches (kekmodel/FixMatch-pytorch from b3e948d, --expand-labels).
//   filled        `pool` floor(TB / N) times and draws with replacement, made once, up to TB entries; permuted anew
//                 each epoch (kekmodel/FixMatch-pytorch before, dataset/cifar.py at 4c4ebb8).
// ids [B], pool [N] with 0 < N < 2^31; lists below 2^31 too. Class: exact.
#pragma once

#include "kernels/core/choice.h"
#include "kernels/core/op.h"
#include "kernels/core/random.h"
#include "kernels/core/step_state.h"

namespace crc {

CRC_CHOICE(Sampling, permutations, replacement, expanded, filled)

struct DrawConfig {
  uint32_t seed = 0;
  Purpose purpose = Purpose::labeled_order;
  Sampling sampling = Sampling::permutations;
  int64_t steps_per_epoch = 1;  // T, of expanded and filled
};

// Entries of the list that a pass permutes.
CRC_HD int64_t draw_list_size(Sampling sampling, int64_t pool_size, int64_t batch, int64_t steps_per_epoch) {
  const int64_t wanted = batch * steps_per_epoch;
  if (sampling == Sampling::filled) return wanted;
  return sampling == Sampling::expanded ? (wanted + pool_size - 1) / pool_size * pool_size : pool_size;
}

struct DrawBatch {
  int64_t* ids;
  const int64_t* pool;
  int64_t batch, pool_size;
  const StepState* state;
  DrawConfig config;

  CRC_HD void operator()(int64_t b) const {
    if (config.sampling == Sampling::replacement) {
      ids[b] = pool[drawn(b, state->step)];
      return;
    }
    const int64_t size = draw_list_size(config.sampling, pool_size, batch, config.steps_per_epoch);
    const bool whole_batches = config.sampling != Sampling::permutations;
    const int64_t per_pass = whole_batches ? size / batch * batch : size;  // the last entries may fill no batch
    const int64_t place = state->step * batch + b;
    const int64_t entry =
        permute(config.seed, config.purpose, uint32_t(place / per_pass), uint32_t(size), uint32_t(place % per_pass));
    const bool copy = config.sampling != Sampling::filled || entry < size / pool_size * pool_size;
    ids[b] = pool[copy ? entry % pool_size : drawn(entry, kOnce)];
  }

 private:
  static constexpr uint32_t kOnce = UINT32_MAX;  // no training step: the draws that fill the list are made once
  CRC_HD int64_t drawn(int64_t item, int64_t step) const {
    return Draws(config.seed, config.purpose, item, step).below(uint32_t(pool_size));
  }
};

inline void check_draw_batch(View<int64_t, 1> ids, View<const int64_t, 1> pool, View<const StepState, 1> state,
                             const DrawConfig& config) {
  check_shape("draw_batch", state, {1});
  if (pool.size() == 0 || pool.size() >= int64_t(1) << 31)
    fail_internal("draw_batch: '" + std::string(pool.name) + "' has " + std::to_string(pool.size()) +
                  " items, expected 1 to 2^31-1");
  const int64_t size = draw_list_size(config.sampling, pool.size(), ids.size(), config.steps_per_epoch);
  if (size >= int64_t(1) << 31)
    fail_internal("draw_batch: a list of " + std::to_string(size) + " entries, expected at most 2^31-1");
}

CRC_OP(void, draw_batch,
       (View<int64_t, 1> ids, View<const int64_t, 1> pool, View<const StepState, 1> state, DrawConfig config))

}  // namespace crc
