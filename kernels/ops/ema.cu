#include "kernels/cuda/launch.cuh"
#include "kernels/ops/ema.h"

namespace crc {

void ema_update(Cuda& cuda, View<float, 1> ema, View<const float, 1> w, View<const StepState, 1> state) {
  check_shape("ema_update", w, {ema.size()});
  check_shape("ema_update", state, {1});
  for_each(cuda, "ema_update", ema.size(), EmaUpdate{ema.data, w.data, state.data});
}

void ema_updates(Cuda& cuda, View<float, 1> ema, View<float, 2> more, View<const float, 1> w,
                 View<const StepState, 1> state, EmaDecays decays) {
  check_shape("ema_updates", w, {ema.size()});
  check_shape("ema_updates", more, {-1, ema.size()});
  check_shape("ema_updates", state, {1});
  const EmaUpdates work{{ema.data, w.data, state.data}, more, decays};
  work.check();
  for_each(cuda, "ema_updates", ema.size(), work);
}

}  // namespace crc
