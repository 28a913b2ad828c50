#include "kernels/ops/item_labels.h"

#include <algorithm>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class ItemLabels : public OnDevice {};

// Against a loop over the rows in order, many of whose items come several times.
TEST_P(ItemLabels, TheLastSureRowOfAnItemCounts) {
  constexpr int64_t kItems = 50, kClasses = 5;
  for (const int64_t rows : {0, 1, 33, 300}) {
    std::vector<float> table(kItems, -1), counts(kClasses, 0);
    Guarded<float, 1> on_device(context, {kItems}, table), counted(context, {kClasses}, counts);
    for (uint32_t step = 0; step < 3; ++step) {
      const auto sure = uniform(rows, 20 + step, 0, 1);
      std::vector<int64_t> items;
      std::vector<int32_t> labels;
      for (int64_t n = 0; n < rows; ++n) {
        Draws draws(step, Purpose::test, n, 1);
        items.push_back(draws.below(kItems));
        labels.push_back(int32_t(draws.below(kClasses)));
      }
      for (int64_t n = 0; n < rows; ++n)
        if (sure[size_t(n)] >= 0.4f) table[size_t(items[size_t(n)])] = float(labels[size_t(n)]);
      std::fill(counts.begin(), counts.end(), 0.0f);
      for (const float label : table)
        if (label >= 0) ++counts[size_t(label)];
      const Guarded<int64_t, 1> ids(context, {rows}, items);
      const Guarded<int32_t, 1> label(context, {rows}, labels);
      const Guarded<float, 1> confidence(context, {rows}, sure);
      Guarded<float, 1> before(context, {rows}, uniform(rows, 9));
      mark_items(context, on_device.view(), before.view(), ids.view(), confidence.view(), label.view(), 0.4f);
      recount_items(context, counted.view(), before.view(), label.view());
      EXPECT_EQ(on_device.get(), table);
      EXPECT_EQ(counted.get(), counts);
    }
  }
}

CRC_ON_EACH_DEVICE(ItemLabels);

}  // namespace
}  // namespace crc::test
