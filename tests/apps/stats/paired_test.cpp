#include "apps/stats/paired.h"

#include <gmock/gmock.h>

#include <cmath>

#include "apps/stats/distributions.h"

namespace crc::apps::test {
namespace {

// Of scipy 1.17.1: scipy.special.betainc, 2 * scipy.stats.t.sf, scipy.stats.t.ppf.
TEST(StudentT, AgreesWithScipy) {
  const auto near = [](double value, double expected) { EXPECT_NEAR(value / expected, 1, 1e-11) << expected; };
  near(incomplete_beta(0.5, 0.5, 0.25), 1.0 / 3);
  near(incomplete_beta(4.5, 0.5, 0.3), 0.001322950584267495);
  near(incomplete_beta(4.5, 0.5, 0.95), 0.5086464915963441);
  near(incomplete_beta(2, 3, 0.4), 0.5248);
  near(incomplete_beta(50, 0.5, 0.999), 0.7523690199653766);
  EXPECT_EQ(incomplete_beta(2, 3, 0), 0);
  EXPECT_EQ(incomplete_beta(2, 3, 1), 1);
  const double p[][3] = {
      // freedom, t, p
      {1, 0.1, 0.936548965138893},     {1, 1, 0.5},
      {1, 12, 0.052929352119179755},   {2, 2.5, 0.12961172022151082},
      {3, 12, 0.0012450158007893362},  {9, 1, 0.3434363961379136},
      {9, 2.5, 0.033861827682985735},  {9, 12, 7.699886222985653e-07},
      {30, 12, 5.580185415199261e-13}, {1000, 2.5, 0.012578567801090807},
  };
  for (const auto& [freedom, t, two_sided] : p) {
    near(student_t_two_sided(t, freedom), two_sided);
    near(student_t_two_sided(-t, freedom), two_sided);
    near(student_t_exceeded(two_sided, freedom), t);
  }
  const double quantiles[][2] = {{1, 12.706204736174694},   {2, 4.302652729749462},  {3, 3.1824463052837078},
                                 {9, 2.262157162798205},    {11, 2.200985160091639}, {30, 2.0422724563012378},
                                 {1000, 1.9623390808264083}};
  for (const auto& [freedom, t] : quantiles) near(student_t_exceeded(0.05, freedom), t);
  EXPECT_EQ(student_t_two_sided(0, 5), 1);
  EXPECT_EQ(student_t_two_sided(INFINITY, 5), 0);
}

TEST(Paired, AreaIsTheMeanOverTheLabels) {
  EXPECT_DOUBLE_EQ(area_under(std::vector<double>{100}, std::vector<double>{0.4}), 0.4);
  EXPECT_DOUBLE_EQ(area_under(std::vector<double>{10, 20, 30}, std::vector<double>{0.2, 0.4, 0.8}), 0.45);
  // (10 * 0.3 + 30 * 0.6) / 40
  EXPECT_DOUBLE_EQ(area_under(std::vector<double>{10, 20, 50}, std::vector<double>{0.2, 0.4, 0.8}), 0.525);
}

TEST(Paired, ByHand) {
  // Differences 1, 2, 3: mean 2, deviation 1, error 1 / sqrt 3; t = 2 sqrt 3 with two degrees of freedom, for which
  // P(|T| > t) = 1 - t / sqrt(t^2 + 2).
  const Comparison c = compare({{"random", {{0, 60}, {1, 61}, {2, 62}}}, {"crc", {{0, 61}, {1, 63}, {2, 65}}}}, 3);
  ASSERT_EQ(c.methods.size(), 2u);
  EXPECT_EQ(c.methods[0].name, "crc");  // the larger area
  EXPECT_EQ(c.methods[0].all.mean, 63);
  EXPECT_NEAR(c.methods[0].all.half, 4.302652729749462 * 2 / std::sqrt(3), 1e-9);
  ASSERT_EQ(c.pairs.size(), 1u);
  const Pair& pair = c.pair(1, 0);
  EXPECT_EQ(pair.method, 0u);
  EXPECT_EQ(pair.difference.count, 3);
  EXPECT_EQ(pair.difference.mean, 2);
  EXPECT_NEAR(pair.difference.half, 4.302652729749462 / std::sqrt(3), 1e-9);
  EXPECT_NEAR(pair.difference.p, 1 - std::sqrt(12.0 / 14), 1e-12);
  EXPECT_EQ(pair.p_holm, pair.difference.p);
  EXPECT_EQ(std::vector({pair.wins, pair.losses, pair.ties}), (std::vector{3, 0, 0}));
  EXPECT_EQ(words(pair), "no difference that 3 trials show; 10 would be needed for 1 point");  // p = 0.074
  EXPECT_EQ(pair.effect, 2);
  EXPECT_EQ(pair.ranks.rank_biserial, 1);
  EXPECT_EQ(c.widest(), 2 * pair.difference.half);
}

TEST(Paired, HolmOverThePairsOfABlock) {
  // Six trials; a and b differ by little beside c, whose p-values are the smallest.
  const auto method = [](const char* name, double base, std::vector<double> own) {
    MethodAreas areas{name, {}};
    for (size_t i = 0; i < own.size(); ++i) areas.by_trial[int64_t(i)] = base + double(i) + own[i];
    return areas;
  };
  const Comparison c = compare({method("c", 40, {0, 0, 0, 0, 0, 0}), method("b", 50, {0.1, -0.1, 0.2, -0.2, 0.1, -0.1}),
                                method("a", 50.1, {0.1, 0.1, -0.2, 0.2, -0.1, -0.1})},
                               6);
  EXPECT_EQ(c.methods[0].name, "a");
  EXPECT_EQ(c.methods[2].name, "c");
  std::vector<double> raw, holm;
  for (const Pair& pair : c.pairs) raw.push_back(pair.difference.p), holm.push_back(pair.p_holm);
  EXPECT_EQ(holm[0], raw[0]);  // a and b: the largest of the three
  EXPECT_GT(raw[0], 0.05);
  EXPECT_EQ(std::max(holm[1], holm[2]), std::max(2 * std::max(raw[1], raw[2]), 3 * std::min(raw[1], raw[2])));
  EXPECT_EQ(std::min(holm[1], holm[2]), 3 * std::min(raw[1], raw[2]));
  EXPECT_EQ(words(c.pair(0, 2)), "better");
  EXPECT_EQ(words(c.pair(0, 2), true), "worse");
  EXPECT_EQ(words(c.pair(0, 1)), "no difference that 6 trials show, enough for 1 point");
  EXPECT_EQ(c.pair(2, 1).method, 1u);
}

TEST(Paired, MissingTrialsAreLeftOut) {
  const Comparison c =
      compare({{"a", {{0, 50}, {1, 52}, {3, 58}}}, {"b", {{1, 51}, {2, 99}, {3, 56}}}, {"none", {}}}, 4);
  EXPECT_EQ(c.methods[2].name, "none");
  EXPECT_EQ(c.methods[2].all.count, 0);
  const Pair& pair = c.pair(0, 1);  // b before a, for its trial 2
  EXPECT_EQ(c.methods[pair.method].name, "b");
  EXPECT_EQ(pair.difference.count, 2);
  EXPECT_EQ(pair.left_out, 2);
  EXPECT_EQ(pair.difference.mean, -1.5);
  EXPECT_EQ(pair.area, 53.5);
  EXPECT_EQ(pair.against_area, 55);
  EXPECT_EQ(words(c.pair(0, 2)), "no trial in common");
  EXPECT_EQ(c.pair(0, 2).left_out, 4);
  EXPECT_TRUE(std::isnan(c.pair(0, 2).p_holm));
}

TEST(Paired, OneTrialHasNoInterval) {
  const Comparison c = compare({{"a", {{0, 50}}}, {"b", {{0, 40}}}}, 1);
  EXPECT_EQ(c.pairs[0].difference.mean, 10);
  EXPECT_TRUE(std::isnan(c.pairs[0].difference.half));
  EXPECT_TRUE(std::isnan(c.pairs[0].p_holm));
  EXPECT_EQ(words(c.pairs[0]), "no difference that 1 trial shows");
  EXPECT_TRUE(compare({{"a", {{0, 50}}}}, 1).pairs.empty());
}

TEST(Paired, TiesAndEqualDifferences) {
  const Comparison same = compare({{"a", {{0, 50}, {1, 60}}}, {"b", {{0, 50 + 1e-12}, {1, 60}}}}, 2);
  EXPECT_EQ(same.pairs[0].ties, 2);
  EXPECT_EQ(same.pairs[0].difference.p, 1);
  EXPECT_EQ(same.pairs[0].difference.half, 0);
  EXPECT_EQ(verdict(same.pairs[0]), Verdict::none);
  const Comparison always = compare({{"a", {{0, 51}, {1, 61}}}, {"b", {{0, 50}, {1, 60}}}}, 2);
  EXPECT_EQ(always.pairs[0].difference.p, 0);
  EXPECT_EQ(words(always.pairs[0]), "better");
  const Comparison one = compare({{"a", {{0, 51}, {1, 60}, {2, 70}}}, {"b", {{0, 50}, {1, 60}, {2, 71}}}}, 3);
  EXPECT_EQ(std::vector({one.pairs[0].wins, one.pairs[0].losses, one.pairs[0].ties}), (std::vector{1, 1, 1}));
}

}  // namespace
}  // namespace crc::apps::test
