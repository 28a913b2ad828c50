#include "data/pool.h"

#include <algorithm>
#include <set>

#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;

TEST(Pool, KeepsOrderAndComplement) {
  Pool pool(6, 3);
  pool.label(4, 2, 0);
  const LabeledItem more[] = {{0, 1, 1}, {5, 2, 1}};
  pool.label(more);
  EXPECT_EQ(pool.labeled(), (std::vector<int64_t>{4, 0, 5}));
  EXPECT_EQ(pool.unlabeled(), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(pool.labels()[1].round, 1);
  EXPECT_TRUE(pool.is_labeled(5));
  EXPECT_FALSE(pool.is_labeled(3));
  EXPECT_EQ(std::vector<int64_t>(pool.labeled_of_class(2).begin(), pool.labeled_of_class(2).end()),
            (std::vector<int64_t>{4, 5}));
  EXPECT_TRUE(pool.labeled_of_class(0).empty());
}

TEST(Pool, RefusesRepeatsAndRangesAndThenChangesNothing) {
  Pool pool(6, 3);
  pool.label(4, 2, 0);
  expect_error([&] { pool.label(4, 2, 1); }, ExitCode::config, {"item 4", "round 1", "has a label already"});
  expect_error([&] { pool.label(6, 0, 1); }, ExitCode::config, {"item 6", "0..5"});
  expect_error([&] { pool.label(-1, 0, 1); }, ExitCode::config, {"item -1"});
  expect_error([&] { pool.label(1, 3, 1); }, ExitCode::config, {"label 3", "0..2"});
  expect_error([&] { pool.label(1, -1, 1); }, ExitCode::config, {"label -1"});
  const LabeledItem twice[] = {{0, 1, 1}, {0, 1, 1}};
  expect_error([&] { pool.label(twice); }, ExitCode::config, {"item 0"});
  EXPECT_EQ(pool.labeled(), std::vector<int64_t>{4});
  EXPECT_FALSE(pool.is_labeled(0));
}

TEST(Pool, WithoutKeepsTheOrderOfTheRest) {
  EXPECT_EQ(without({5, 1, 4, 2}, std::vector<int64_t>{2, 5, 9}), (std::vector<int64_t>{1, 4}));
  EXPECT_EQ(without({5, 1}, {}), (std::vector<int64_t>{5, 1}));
}

TEST(Pool, InitialDrawIsBalancedAndFixedBySeed) {
  std::vector<int32_t> labels;
  for (int i = 0; i < 103; ++i) labels.push_back(i % 5 == 4 ? -1 : i % 5);
  const auto drawn = draw_initial(labels, 4, 20, 3);
  ASSERT_EQ(drawn.size(), 20u);
  EXPECT_EQ(std::set<int64_t>(drawn.begin(), drawn.end()).size(), 20u);
  for (size_t i = 0; i < drawn.size(); ++i) EXPECT_EQ(labels[drawn[i]], int(i % 4));
  const auto fewer = draw_initial(labels, 4, 8, 3);
  EXPECT_TRUE(std::equal(fewer.begin(), fewer.end(), drawn.begin()));
  EXPECT_NE(draw_initial(labels, 4, 20, 4), drawn);
  EXPECT_EQ(draw_initial(labels, 4, 0, 3).size(), 0u);
}

TEST(Pool, InitialDrawReachesEveryItemEquallyOften) {
  const std::vector<int32_t> labels(10, 0);
  std::vector<int> count(10);
  for (uint32_t seed = 0; seed < 2000; ++seed) ++count[draw_initial(labels, 1, 1, seed)[0]];
  for (int c : count) EXPECT_NEAR(c, 200, 70);
}

TEST(Pool, InitialDrawRefusesWhatCannotBeBalanced) {
  const std::vector<int32_t> labels{0, 0, 0, 1, -1};
  expect_error([&] { draw_initial(labels, 2, 3, 0); }, ExitCode::config, {"3 initial labels", "multiple of 2"});
  expect_error([&] { draw_initial(labels, 2, 4, 0); }, ExitCode::config, {"class 1 has 1 items", "2 of each"});
}

}  // namespace
}  // namespace crc::test
