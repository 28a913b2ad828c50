#include "apps/stats/ranks.h"

#include <gmock/gmock.h>

#include "apps/stats/curves.h"
#include "apps/stats/distributions.h"

namespace crc::apps::test {
namespace {

using ::testing::ElementsAre;

TEST(Ranks, SignedRanksByHand) {
  EXPECT_THAT(midranks(std::vector<double>{3, 1, 3, 7}), ElementsAre(2.5, 1, 2.5, 4));
  const SignedRanks all = signed_ranks(std::vector<double>{1, 2, 3, 4, 5});
  EXPECT_EQ(all.positive, 15);
  EXPECT_EQ(all.p, 2.0 / 32);  // the smallest that five trials can have
  EXPECT_EQ(all.rank_biserial, 1);
  // Ranks 1.5, 1.5, 3 of 8 signs: sums of at most 1.5 in 3 of them.
  EXPECT_EQ(signed_ranks(std::vector<double>{-1, 1, 2, 0}).p, 2 * 3.0 / 8);
  EXPECT_EQ(signed_ranks(std::vector<double>{0, 0}).p, 1);
  EXPECT_EQ(signed_ranks(std::vector<double>{}).count, 0);
}

TEST(Ranks, FriedmanAndNemenyi) {
  const std::vector<std::vector<double>> values{{3, 2, 1}, {3, 2, 1}, {3, 2, 1}, {3, 1, 2}};
  const Ranking r = rank_methods(values);
  EXPECT_THAT(r.mean_rank, ElementsAre(1, 2.25, 2.75));
  EXPECT_NEAR(r.chi_squared, 6.5, 1e-12);
  EXPECT_NEAR(r.p, std::exp(-3.25), 1e-12);
  EXPECT_NEAR(r.critical_difference, 2.343 * std::sqrt(12.0 / 24), 1e-3);  // Demsar 2006, Table 5
  EXPECT_THAT(not_told_apart({1, 2.25, 2.75}, r.critical_difference),
              ElementsAre(::testing::Pair(0, 1), ::testing::Pair(1, 2)));
  EXPECT_THAT(not_told_apart({2, 1.5, 4.1, 4}, 0.6), ElementsAre(::testing::Pair(0, 1), ::testing::Pair(2, 3)));
  EXPECT_THAT(not_told_apart({1, 2, 3}, 0.5), ElementsAre());
  EXPECT_TRUE(std::isnan(rank_methods(std::vector<std::vector<double>>{{1, 2}}).p));
  EXPECT_EQ(rank_methods({}).trials, 0);
  const Ranking tied = rank_methods(std::vector<std::vector<double>>{{1, 1}, {2, 2}});
  EXPECT_EQ(tied.p, 1);
}

// Demsar 2006, Table 5 (a): q / sqrt 2 at 5 %.
TEST(Ranks, CriticalValues) {
  const double q[] = {1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164};
  for (int64_t k = 2; k <= 10; ++k) EXPECT_NEAR(range_quantile(0.95, k) / std::sqrt(2.0), q[k - 2], 1e-3) << k;
}

TEST(Curves, LabelsSavedAtEqualAccuracy) {
  const std::vector<double> labels{10, 20, 40}, one{50, 60, 70}, other{40, 50, 60};
  EXPECT_EQ(labels_for(labels, one, 65), 30);
  EXPECT_EQ(labels_for(labels, one, 40), 10);
  EXPECT_TRUE(std::isnan(labels_for(labels, other, 61)));
  const Saved saved = labels_saved(labels, one, other);  // at 60: 20 labels instead of 40
  EXPECT_EQ(saved.accuracy, 60);
  EXPECT_EQ(saved.labels, 20);
  EXPECT_EQ(saved.of, 40);
  EXPECT_EQ(labels_saved(labels, other, one).labels, -20);
}

}  // namespace
}  // namespace crc::apps::test
