#include "kernels/cuda/rows.cuh"
#include "kernels/ops/tally_pseudo.h"

namespace crc {

void tally_pseudo(Cuda& cuda, View<float, 2> tally, View<const float, 1> weight, View<const int32_t, 1> label,
                  View<const int32_t, 1> truth, View<const StepState, 1> state, int64_t steps_per_epoch) {
  const TallyPseudo work{tally, weight, label, truth, state, steps_per_epoch};
  work.check();
  for_each_row(cuda, "tally_pseudo", tally.shape[1], work);
}

}  // namespace crc
