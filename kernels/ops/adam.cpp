#include "kernels/ops/adam.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void adam_step(Cpu& cpu, View<float, 1> w, View<bf16, 1> rounded, View<float, 1> m, View<float, 1> v,
               View<const float, 1> g, View<const StepState, 1> state, AdamConfig config) {
  check_shape("adam_step", m, {w.size()});
  check_shape("adam_step", v, {w.size()});
  check_shape("adam_step", g, {w.size()});
  check_shape("adam_step", state, {1});
  check_rounded("adam_step", rounded, w.size());
  const Arena::Frame frame(cpu.scratch());
  const auto scales = cpu.scratch().take<AdamScales, 1>({1}, "adam scales");
  for_each(cpu, 1, AdamPrepare{scales.data, state.data, config});
  const AdamStep step{w.data, m.data, v.data, g.data, scales.data, config};
  then_round(rounded, w, step, [&](const auto& moves) { for_each(cpu, w.size(), moves); });
}

}  // namespace crc
