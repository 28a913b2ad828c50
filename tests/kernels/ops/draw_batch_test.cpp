#include "kernels/ops/draw_batch.h"

#include <algorithm>
#include <set>

#include "tests/kernels/arrays.h"
#include "tests/kernels/augment/frequencies.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class DrawBatch : public OnDevice {
 protected:
  std::vector<int64_t> draw(int64_t batch, const std::vector<int64_t>& pool, int64_t step, DrawConfig config = {}) {
    const StateOnDevice state(context, {.step = step, .learning_rate = 0, .ema_decay = 0, .consistency_weight = 0});
    Guarded<int64_t, 1> ids(context, {batch}, std::vector<int64_t>(batch, -1), "ids");
    const Guarded<int64_t, 1> items(context, {int64_t(pool.size())}, pool, "pool");
    draw_batch(context, ids.view(), items.view(), state.view(), config);
    return ids.get();
  }
};

std::vector<int64_t> ids_from(int64_t n) {
  std::vector<int64_t> ids(n);
  for (int64_t i = 0; i < n; ++i) ids[i] = (1ll << 33) + 10 * i;
  return ids;
}

TEST_P(DrawBatch, EveryItemComesOncePerPass) {
  for (const int64_t n : {1, 2, 3, 10, 97, 1000}) {
    const auto pool = ids_from(n);
    const int64_t batch = 7, passes = 3;
    std::vector<int64_t> sequence;
    for (int64_t t = 0; t * batch < passes * n; ++t)
      for (int64_t id : draw(batch, pool, t)) sequence.push_back(id);
    std::set<std::vector<int64_t>> orders;
    for (int64_t p = 0; p < passes; ++p) {
      std::vector<int64_t> pass(sequence.begin() + p * n, sequence.begin() + (p + 1) * n);
      orders.insert(pass);
      std::sort(pass.begin(), pass.end());
      EXPECT_EQ(pass, pool) << "pass " << p;
    }
    if (n >= 10) {
      EXPECT_EQ(orders.size(), size_t(passes)) << "every pass has its own order";
    }
  }
}

TEST_P(DrawBatch, IsTheDocumentedPermutation) {
  const auto pool = ids_from(65931);
  for (const int64_t step : {0ll, 1ll, 146ll, 147ll, 1ll << 20}) {
    const DrawConfig config{.seed = 4, .purpose = Purpose::unlabeled_order};
    const auto ids = draw(448, pool, step, config);
    for (int64_t b = 0; b < 448; ++b) {
      const int64_t place = step * 448 + b;
      EXPECT_EQ(ids[b],
                pool[permute(4, Purpose::unlabeled_order, uint32_t(place / 65931), 65931, uint32_t(place % 65931))]);
    }
    EXPECT_EQ(ids, draw(448, pool, step, config));
    EXPECT_NE(ids, draw(448, pool, step, {.seed = 5, .purpose = Purpose::unlabeled_order}));
    EXPECT_NE(ids, draw(448, pool, step, {.seed = 4, .purpose = Purpose::labeled_order}));
  }
}

TEST_P(DrawBatch, WithReplacementDrawsAreIndependentAndUniform) {
  const auto pool = ids_from(10);
  const DrawConfig config{.seed = 4, .purpose = Purpose::unlabeled_order, .replacement = true};
  std::vector<int64_t> items(10), pairs(100);
  for (int64_t step = 0; step < 500; ++step) {
    const auto ids = draw(200, pool, step, config);
    for (size_t b = 0; b < ids.size(); ++b) {
      const auto item = [&](size_t at) { return size_t(ids[at] - pool[0]) / 10; };
      ++items.at(item(b));
      if (b % 2) ++pairs.at(item(b - 1) * 10 + item(b));
    }
  }
  expect_uniform(items, "items");
  expect_uniform(pairs, "neighbours");
}

// Pinned: the order of a run is part of what a seed means.
TEST_P(DrawBatch, TheOrderNeverChanges) {
  const std::vector<int64_t> pool{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(draw(10, pool, 0, {.seed = 1, .purpose = Purpose::labeled_order}),
            (std::vector<int64_t>{6, 8, 5, 0, 9, 3, 1, 4, 2, 7}));
}

TEST_P(DrawBatch, EmptyBatchAndEmptyPool) {
  EXPECT_TRUE(draw(0, ids_from(3), 5).empty());
  try {
    draw(2, {}, 0);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::internal);
    EXPECT_STREQ(e.what(), "draw_batch: 'pool' has 0 items, expected 1 to 2^31-1");
  }
}

CRC_ON_EACH_DEVICE(DrawBatch);

}  // namespace
}  // namespace crc::test
