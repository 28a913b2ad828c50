#include "kernels/ops/softmax_ce.h"

#include "kernels/cpu/rows.h"

namespace crc {

void softmax_ce(Cpu& cpu, View<float, 2> dlogits, View<float, 1> losses, View<const float, 2> logits,
                View<const int32_t, 1> labels, float scale) {
  const SoftmaxCe rows{dlogits, losses, logits, labels, scale};
  rows.check();
  for_each_row(cpu, logits.shape[0], rows);
}

void confident_ce(Cpu& cpu, View<float, 2> dstrong, View<float, 1> losses, View<float, 1> mask, View<int32_t, 1> pseudo,
                  View<const float, 2> weak, View<const float, 2> strong, ConfidentCeConfig config) {
  const ConfidentCe rows{dstrong, losses, mask, pseudo, weak, strong, config};
  rows.check();
  for_each_row(cpu, weak.shape[0], rows);
}

void softmax(Cpu& cpu, View<float, 2> probabilities, View<const float, 2> logits) {
  const Softmax rows{probabilities, logits};
  rows.check();
  for_each_row(cpu, logits.shape[0], rows);
}

}  // namespace crc
