#include "kernels/augment/ctaugment_update.h"

#include "kernels/augment/ctaugment_rates.h"
#include "kernels/cpu/for_each.h"

namespace crc::augment {

void ctaugment_update(Cpu& cpu, View<float, 2> rates, View<const float, 2> probabilities, View<const int32_t, 1> labels,
                      View<const int64_t, 1> ids, View<const StepState, 1> state, AugmentConfig config) {
  check_update(rates, probabilities, labels, ids, state);
  const Arena::Frame frame(cpu.scratch());
  const auto results = cpu.scratch().take<ProbeResult, 1>({ids.size()}, "probe results");
  for_each(cpu, ids.size(), ReadProbe{results.data, probabilities, labels.data, ids.data, state.data, config});
  for_each(cpu, rates.size(), MoveRate{rates.data, results.data, ids.size()});
}

}  // namespace crc::augment
