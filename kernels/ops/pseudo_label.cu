#include "kernels/cuda/rows.cuh"
#include "kernels/ops/pseudo_label.h"

namespace crc {

void sharpen(Cuda& cuda, View<float, 2> probabilities, View<const float, 2> logits, float temperature) {
  const Sharpen work{probabilities, logits, temperature};
  work.check();
  for_each_row(cuda, "sharpen", logits.shape[0], work);
}

void align_rows(Cuda& cuda, View<float, 2> probabilities, View<const float, 1> target, View<const float, 1> model) {
  const AlignRows work{probabilities, target, model};
  work.check();
  for_each_row(cuda, "align_rows", probabilities.shape[0], work);
}

void top_class(Cuda& cuda, View<float, 1> confidence, View<int32_t, 1> label, View<const float, 2> probabilities) {
  const TopClass work{confidence, label, probabilities};
  work.check();
  for_each_row(cuda, "top_class", probabilities.shape[0], work);
}

}  // namespace crc
