#include "kernels/augment/ctaugment_rates.h"
#include "kernels/augment/ctaugment_update.h"
#include "kernels/cuda/launch.cuh"

namespace crc::augment {

void ctaugment_update(Cuda& cuda, View<float, 2> rates, View<const float, 2> probabilities,
                      View<const int32_t, 1> labels, View<const int64_t, 1> ids, View<const StepState, 1> state,
                      AugmentConfig config) {
  check_update(rates, probabilities, labels, ids, state);
  const Arena::Frame frame(cuda.scratch());
  const auto results = cuda.scratch().take<ProbeResult, 1>({ids.size()}, "probe results");
  for_each(cuda, "ctaugment_update", ids.size(),
           ReadProbe{results.data, probabilities, labels.data, ids.data, state.data, config});
  for_each(cuda, "ctaugment_update", rates.size(), MoveRate{rates.data, results.data, ids.size()});
}

}  // namespace crc::augment
