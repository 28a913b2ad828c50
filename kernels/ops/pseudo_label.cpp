#include "kernels/ops/pseudo_label.h"

#include "kernels/cpu/rows.h"

namespace crc {

void sharpen(Cpu& cpu, View<float, 2> probabilities, View<const float, 2> logits, float temperature) {
  const Sharpen work{probabilities, logits, temperature};
  work.check();
  for_each_row(cpu, logits.shape[0], work);
}

void align_rows(Cpu& cpu, View<float, 2> probabilities, View<const float, 1> target, View<const float, 1> model) {
  const AlignRows work{probabilities, target, model};
  work.check();
  for_each_row(cpu, probabilities.shape[0], work);
}

void top_class(Cpu& cpu, View<float, 1> confidence, View<int32_t, 1> label, View<const float, 2> probabilities) {
  const TopClass work{confidence, label, probabilities};
  work.check();
  for_each_row(cpu, probabilities.shape[0], work);
}

}  // namespace crc
