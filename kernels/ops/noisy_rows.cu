#include "kernels/cuda/launch.cuh"
#include "kernels/ops/noisy_rows.h"

namespace crc {

void noisy_rows(Cuda& cuda, View<float, 2> y, View<const float, 2> rows, View<const int64_t, 1> ids,
                View<const StepState, 1> state, RowNoise config) {
  const NoisyPair pair{y, rows, ids, state, config};
  pair.check();
  for_each(cuda, "noisy_rows", ids.size() * pair.pairs(), pair);
}

}  // namespace crc
