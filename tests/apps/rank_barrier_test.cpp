#include "apps/rank_barrier.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/core/tensor.h"
#include "tests/apps/expect_error.h"

namespace crc::apps {
namespace {

TEST(Spearman, IsTheCorrelationOfRanks) {
  const std::vector<double> up{1, 5, 7, 100}, down{4, 3, 2, -9}, mixed{2, 1, 4, 3}, tied{1, 1, 2, 2};
  EXPECT_EQ(spearman(up, up), 1);
  EXPECT_EQ(spearman(up, down), -1);
  EXPECT_DOUBLE_EQ(spearman(up, mixed), 0.6);                    // 1 - 6 * 4 / (4 * 15)
  EXPECT_DOUBLE_EQ(spearman(up, tied), 4 / std::sqrt(5.0 * 4));  // ranks 0.5 0.5 2.5 2.5
  EXPECT_TRUE(std::isnan(spearman(up, std::vector<double>(4, 1.0))));
}

TEST(RankBarrier, TheFp32RuleIsRightBelowAndNoiseBeyond) {
  Context context = Context::cpu();
  constexpr int64_t kItems = 800;
  const Tensor h =
      Tensor::from_host(context, {kItems, kSyntheticWidth}, synthetic_features(kItems, 3).data(), "features");
  const Barrier barrier =
      rank_barrier(context, h.view<const float, 2>(), {.groups = 60, .labeled = {25, 124, 300}, .seed = 1});
  ASSERT_EQ(barrier.points.size(), 3u);
  EXPECT_EQ(barrier.rank, kSyntheticWidth + 1);
  for (const BarrierPoint& p : barrier.points) EXPECT_EQ(p.exact_itself, 1) << p.labeled;
  EXPECT_GT(barrier.points[0].against_exact, 0.99);
  EXPECT_GT(barrier.points[0].against_itself, 0.99);
  EXPECT_LT(std::abs(barrier.points[2].against_exact), 0.5);  // three standard errors of 60 random ranks: 0.39
  EXPECT_LT(std::abs(barrier.points[2].against_itself), 0.5);
  EXPECT_NE(barrier_table(barrier).find("rank 129, groups of 5"), std::string::npos);
  EXPECT_EQ(barrier_chart(barrier).series.size(), 4u);
}

TEST(RankBarrier, TooFewItemsAreSaid) {
  Context context = Context::cpu();
  const Tensor h = Tensor::from_host(context, {40, kSyntheticWidth}, synthetic_features(40, 3).data(), "features");
  test::expect_error(ExitCode::config, {"40 items are too few for 400 labelled ones and a group of 5"},
                     [&] { rank_barrier(context, h.view<const float, 2>(), {}); });
}

}  // namespace
}  // namespace crc::apps
