#include "kernels/cuda/launch.cuh"
#include "kernels/ops/advance_step.h"

namespace crc {

void set_step(Cuda& cuda, View<StepState, 1> state, Schedule schedule, int64_t step) {
  check_shape("set_step", state, {1});
  for_each(cuda, "set_step", 1, SetStep{state.data, schedule, step});
}

void advance_step(Cuda& cuda, View<StepState, 1> state, Schedule schedule) {
  check_shape("advance_step", state, {1});
  for_each(cuda, "advance_step", 1, AdvanceStep{state.data, schedule});
}

}  // namespace crc
