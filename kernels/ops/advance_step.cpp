#include "kernels/ops/advance_step.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void set_step(Cpu& cpu, View<StepState, 1> state, Schedule schedule, int64_t step) {
  check_shape("set_step", state, {1});
  for_each(cpu, 1, SetStep{state.data, schedule, step});
}

void advance_step(Cpu& cpu, View<StepState, 1> state, Schedule schedule) {
  check_shape("advance_step", state, {1});
  for_each(cpu, 1, AdvanceStep{state.data, schedule});
}

}  // namespace crc
