#include "kernels/ops/draw_batch.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void draw_batch(Cpu& cpu, View<int64_t, 1> ids, View<const int64_t, 1> pool, View<const StepState, 1> state,
                DrawConfig config) {
  check_draw_batch(ids, pool, state, config);
  for_each(cpu, ids.size(), DrawBatch{ids.data, pool.data, ids.size(), pool.size(), state.data, config});
}

}  // namespace crc
