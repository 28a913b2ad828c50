#include "kernels/ops/judge_pseudo.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void judge_pseudo(Cpu& cpu, View<float, 1> known, View<float, 1> right, View<const float, 1> mask,
                  View<const int32_t, 1> pseudo, View<const int32_t, 1> truth) {
  const JudgePseudo judge{known, right, mask, pseudo, truth};
  judge.check();
  for_each(cpu, mask.size(), judge);
}

}  // namespace crc
