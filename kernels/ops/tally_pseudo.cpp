#include "kernels/ops/tally_pseudo.h"

#include "kernels/cpu/rows.h"

namespace crc {

void tally_pseudo(Cpu& cpu, View<float, 2> tally, View<const float, 1> weight, View<const int32_t, 1> label,
                  View<const int32_t, 1> truth, View<const StepState, 1> state, int64_t steps_per_epoch) {
  const TallyPseudo work{tally, weight, label, truth, state, steps_per_epoch};
  work.check();
  for_each_row(cpu, tally.shape[1], work);
}

}  // namespace crc
