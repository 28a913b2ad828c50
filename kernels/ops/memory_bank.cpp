#include "kernels/ops/memory_bank.h"

#include "kernels/cpu/rows.h"

namespace crc {

void bank_similarity(Cpu& cpu, View<float, 2> q, View<float, 2> strong, View<const float, 2> weak,
                     View<const float, 1> labels, float temperature) {
  const BankSimilarity work{q, strong, weak, labels, temperature};
  work.check();
  for_each_row(cpu, weak.shape[0], work);
}

void instance_targets(Cpu& cpu, View<float, 2> target, View<float, 2> mixed, View<float, 1> weight,
                      View<const float, 2> q, View<const float, 2> p, View<const float, 1> labels,
                      View<const StepState, 1> state, InstanceConfig config) {
  const InstanceTargets work{target, mixed, weight, q, p, labels, state, config};
  work.check();
  for_each_row(cpu, p.shape[0], work);
}

void remember_rows(Cpu& cpu, View<float, 2> bank, View<float, 1> labels, View<const int64_t, 1> ids,
                   View<const float, 2> z, View<const int64_t, 1> items, View<const int32_t, 1> given, float decay) {
  const RememberRows work{bank, labels, ids, z, items, given, decay};
  work.check();
  for_each_row(cpu, bank.shape[0], work);
}

}  // namespace crc
