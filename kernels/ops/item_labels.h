// A table of pseudo-labels by item (FlexMatch), and how many items have each: fp32 numbers, -1 for none; counts below
// 2^24 are exact. Class: exact.
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct MarkItems {
  View<float, 1> table, before;
  View<const int64_t, 1> items;
  View<const float, 1> confidence;
  View<const int32_t, 1> label;
  float threshold;

  void check() const {
    check_shape("mark_items", before, {items.size()});
    check_shape("mark_items", confidence, {items.size()});
    check_shape("mark_items", label, {items.size()});
  }
  CRC_HD bool marks(int64_t n) const { return confidence[n] >= threshold; }
  CRC_HD void operator()(int64_t n) const {
    before[n] = float(label[n]);
    if (!marks(n)) return;
    for (int64_t later = n + 1; later < items.size(); ++later)
      if (items[later] == items[n] && marks(later)) return;
    before[n] = table[items[n]];
    table[items[n]] = float(label[n]);
  }
};

struct RecountItems {
  View<float, 1> counts;
  View<const float, 1> before;
  View<const int32_t, 1> label;

  void check() const { check_shape("recount_items", before, {label.size()}); }
  template <class Lanes> CRC_HD void operator()(int64_t c, Lanes lanes) const {
    float change = 0;
    for (int64_t n = lanes.lane; n < label.size(); n += lanes.count)
      change += float(label[n] == c) - float(before[n] == float(c));
    change = lanes.sum(change);
    if (lanes.lane == 0) counts[c] += change;
  }
};

// Rows of confidence >= threshold give their item their label: table[items[n]] = label[n]; of several rows of an item
// the last. before[n]: what the table said until then, or the label itself where the row changes nothing.
// table [N]; items in [0, N), before, confidence, label [M].
CRC_OP(void, mark_items,
       (View<float, 1> table, View<float, 1> before, View<const int64_t, 1> items, View<const float, 1> confidence,
        View<const int32_t, 1> label, float threshold))
// counts[c] += rows with label c less rows with c before; counts [C], before, label [M].
CRC_OP(void, recount_items, (View<float, 1> counts, View<const float, 1> before, View<const int32_t, 1> label))

}  // namespace crc
