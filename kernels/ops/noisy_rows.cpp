#include "kernels/ops/noisy_rows.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void noisy_rows(Cpu& cpu, View<float, 2> y, View<const float, 2> rows, View<const int64_t, 1> ids,
                View<const StepState, 1> state, RowNoise config) {
  const NoisyPair pair{y, rows, ids, state, config};
  pair.check();
  for (int64_t b = 0; b < ids.size(); ++b)
    if (ids[b] < 0 || ids[b] >= rows.shape[0])
      fail_internal("noisy_rows: row " + std::to_string(ids[b]) + " is outside '" + rows.name + "'");
  for_each(cpu, ids.size() * pair.pairs(), pair);
}

}  // namespace crc
