#include "kernels/ops/item_labels.h"

#include "kernels/cpu/rows.h"

namespace crc {

void mark_items(Cpu& cpu, View<float, 1> table, View<float, 1> before, View<const int64_t, 1> items,
                View<const float, 1> confidence, View<const int32_t, 1> label, float threshold) {
  const MarkItems work{table, before, items, confidence, label, threshold};
  work.check();
  for_each(cpu, items.size(), work);
}

void recount_items(Cpu& cpu, View<float, 1> counts, View<const float, 1> before, View<const int32_t, 1> label) {
  const RecountItems work{counts, before, label};
  work.check();
  for_each_row(cpu, counts.size(), work);
}

}  // namespace crc
