#include "kernels/ops/draw_batch.h"

#include <algorithm>
#include <cmath>
#include <map>
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
  const DrawConfig config{.seed = 4, .purpose = Purpose::unlabeled_order, .sampling = Sampling::replacement};
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

// How often each item comes in one pass of the list, from the definition.
std::map<int64_t, int64_t> counts_of_pass(const std::vector<int64_t>& items) {
  std::map<int64_t, int64_t> counts;
  for (int64_t item : items) ++counts[item];
  return counts;
}

TEST_P(DrawBatch, ExpandedIsAListOfCopiesPermuted) {
  // 7 items, 5 steps of 4: three copies make 21 entries, of which one fills no batch.
  const auto pool = ids_from(7);
  const DrawConfig config{
      .seed = 4, .purpose = Purpose::labeled_order, .sampling = Sampling::expanded, .steps_per_epoch = 5};
  int64_t repeats = 0;
  std::set<std::vector<int64_t>> orders;
  for (int64_t pass = 0; pass < 40; ++pass) {
    std::vector<int64_t> items;
    for (int64_t t = 0; t < 5; ++t) {
      const auto ids = draw(4, pool, pass * 5 + t, config);
      items.insert(items.end(), ids.begin(), ids.end());
      repeats += std::set<int64_t>(ids.begin(), ids.end()).size() < 4;
    }
    orders.insert(items);
    int64_t left_out = 0;
    const auto counts = counts_of_pass(items);
    for (int64_t id : pool) left_out += 3 - (counts.contains(id) ? counts.at(id) : 0);
    EXPECT_EQ(left_out, 1) << "three of each but for the one left out";
    for (const auto& [id, count] : counts) EXPECT_LE(count, 3) << id;
  }
  EXPECT_EQ(orders.size(), 40u);
  // Of 4 from a list of 3 x 7: all differ with probability 18*15*12/(20*19*18) = 0.474.
  EXPECT_NEAR(double(repeats) / 200, 1 - 0.474, 4 * std::sqrt(0.25 / 200));
}

TEST_P(DrawBatch, FilledIsAListOfAnEpochPermuted) {
  // 7 items, 5 steps of 4: two copies and six draws, the same six in every epoch.
  const auto pool = ids_from(7);
  const DrawConfig config{
      .seed = 4, .purpose = Purpose::unlabeled_order, .sampling = Sampling::filled, .steps_per_epoch = 5};
  std::map<int64_t, int64_t> first;
  std::set<std::vector<int64_t>> orders;
  for (int64_t epoch = 0; epoch < 20; ++epoch) {
    std::vector<int64_t> items;
    for (int64_t t = 0; t < 5; ++t)
      for (int64_t id : draw(4, pool, epoch * 5 + t, config)) items.push_back(id);
    orders.insert(items);
    const auto counts = counts_of_pass(items);
    EXPECT_EQ(counts.size(), 7u);
    for (const auto& [id, count] : counts) EXPECT_GE(count, 2) << id;
    if (epoch == 0) first = counts;
    EXPECT_EQ(counts, first) << "epoch " << epoch;
  }
  EXPECT_EQ(orders.size(), 20u);
}

// More items than an epoch draws: the whole list is draws, or one copy.
TEST_P(DrawBatch, ListsShorterThanThePool) {
  const auto pool = ids_from(100);
  for (Sampling sampling : {Sampling::expanded, Sampling::filled}) {
    const auto ids =
        draw(8, pool, 3, {.seed = 1, .purpose = Purpose::labeled_order, .sampling = sampling, .steps_per_epoch = 2});
    for (int64_t id : ids) EXPECT_TRUE(std::binary_search(pool.begin(), pool.end(), id));
  }
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
