#include "apps/commands/rank_barrier.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/core/tensor.h"
#include "tests/expect_error.h"

namespace crc::apps::test {
namespace {

using namespace select;

TEST(Spearman, IsTheCorrelationOfRanks) {
  const std::vector<double> up{1, 5, 7, 100}, down{4, 3, 2, -9}, mixed{2, 1, 4, 3}, tied{1, 1, 2, 2};
  EXPECT_EQ(spearman(up, up), 1);
  EXPECT_EQ(spearman(up, down), -1);
  EXPECT_DOUBLE_EQ(spearman(up, mixed), 0.6);                    // 1 - 6 * 4 / (4 * 15)
  EXPECT_DOUBLE_EQ(spearman(up, tied), 4 / std::sqrt(5.0 * 4));  // ranks 0.5 0.5 2.5 2.5
  EXPECT_EQ(spearman(tied, tied), 1);
  EXPECT_DOUBLE_EQ(spearman(std::vector<double>{3, 1, 3, 3, 0}, std::vector<double>{5, 4, 3, 2, 1}),
                   4 / std::sqrt(8.0 * 10));  // ranks 3 1 3 3 0 and 4 3 2 1 0 about 2
  EXPECT_TRUE(std::isnan(spearman(up, std::vector<double>(4, 1.0))));
}

class RankBarrier : public ::testing::Test {
 protected:
  Tensor features(int64_t items) {
    return Tensor::from_host(context, {items, kSyntheticWidth}, synthetic_features(items, 3).data(), "features");
  }
  Context context = Context::cpu();
};

TEST_F(RankBarrier, TheFp32RuleIsRightBelowAndNoiseBeyond) {
  const Tensor h = features(800);
  const Barrier barrier = rank_barrier(context, h.view<const float, 2>(), {.labeled = {300, 25, 124}, .seed = 1});
  ASSERT_EQ(barrier.points.size(), 3u);
  EXPECT_EQ(barrier.rank, kSyntheticWidth + 1);
  const BarrierPoint &below = barrier.points[0], &at = barrier.points[1], &beyond = barrier.points[2];
  EXPECT_EQ(below.labeled, 25);
  for (const BarrierPoint& p : barrier.points) EXPECT_EQ(p.exact_itself, 1) << p.labeled;
  EXPECT_GT(below.against_exact, 0.99);
  EXPECT_GT(below.against_itself, 0.99);
  EXPECT_GE(below.same_best, 9);
  EXPECT_LT(at.against_exact, 0.9);
  EXPECT_LT(std::abs(beyond.against_exact), 0.3);  // 150 random ranks: 0.08 is one standard error
  EXPECT_LT(std::abs(beyond.against_itself), 0.3);
  EXPECT_LT(beyond.same_best, 6);
  EXPECT_NE(barrier_table(barrier).find("rank 129, groups of 5"), std::string::npos);

  const LineChart chart = barrier_chart(barrier);
  ASSERT_EQ(chart.series.size(), 4u);
  EXPECT_EQ(chart.series[1].mean[0].x, 124);  // |L| + 5 = 129
  EXPECT_EQ(chart.series[1].mean[1].x, 124);
}

TEST_F(RankBarrier, ImpossibleRequestsAreSaid) {
  const Tensor h = features(40);
  const auto refused = [&](const BarrierConfig& config, const std::string& words) {
    expect_error(ExitCode::config, {words}, [&] { rank_barrier(context, h.view<const float, 2>(), config); });
  };
  refused({}, "40 items are too few for 400 labelled ones and a group of 5");
  refused({.group = 31, .labeled = {10}}, "40 items are too few for 10 labelled ones and a group of 31");
  refused({.group = 0, .labeled = {10}}, "150 groups of 0");
  refused({.groups = 2, .labeled = {10}}, "three groups to rank are needed");
  refused({.labeled = {}}, "0 labelled items");
  refused({.labeled = {10, 0}}, "0 labelled items");
}

}  // namespace
}  // namespace crc::apps::test
