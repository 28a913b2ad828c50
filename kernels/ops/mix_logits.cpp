#include "kernels/ops/mix_logits.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void mix_logits(Cpu& cpu, View<float, 2> mixed, View<const float, 2> joint, View<const float, 2> alone,
                View<const StepState, 1> state, uint32_t seed) {
  const MixLogits work{mixed, joint, alone, state, seed};
  work.check();
  for_each(cpu, mixed.size(), work);
}

void split_gradient(Cpu& cpu, View<float, 2> djoint, View<float, 2> dalone, View<const float, 2> dmixed,
                    View<const StepState, 1> state, uint32_t seed) {
  const SplitGradient work{djoint, dalone, dmixed, state, seed};
  work.check();
  for_each(cpu, dmixed.size(), work);
}

}  // namespace crc
