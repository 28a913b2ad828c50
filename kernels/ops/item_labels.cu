#include "kernels/cuda/rows.cuh"
#include "kernels/ops/item_labels.h"

namespace crc {

void mark_items(Cuda& cuda, View<float, 1> table, View<float, 1> before, View<const int64_t, 1> items,
                View<const float, 1> confidence, View<const int32_t, 1> label, float threshold) {
  const MarkItems work{table, before, items, confidence, label, threshold};
  work.check();
  for_each(cuda, "mark_items", items.size(), work);
}

void recount_items(Cuda& cuda, View<float, 1> counts, View<const float, 1> before, View<const int32_t, 1> label) {
  const RecountItems work{counts, before, label};
  work.check();
  for_each_row(cuda, "recount_items", counts.size(), work);
}

}  // namespace crc
