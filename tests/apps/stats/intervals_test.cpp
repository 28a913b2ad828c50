// What intervals and verdicts promise, on simulated sweeps: seeds are fixed, so that each count is one number.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "apps/stats/paired.h"
#include "kernels/core/random.h"

namespace crc::apps::test {
namespace {

class Normals {
 public:
  explicit Normals(int64_t seed) : draws_(uint32_t(seed), Purpose::test, 1, 0) {}
  double operator()(double sigma = 1) {
    const double u = 1 - draws_.uniform53();
    return NormalPair(u, draws_.uniform53(), sigma).x();
  }

 private:
  Draws draws_;
};

// Of `sweeps` samples of `n` normal values around 0: in how many percent the interval holds 0.
template <class F> double coverage(int sweeps, int n, F interval) {
  int held = 0;
  Normals normal(n);
  std::vector<double> values(static_cast<size_t>(n));
  for (int s = 0; s < sweeps; ++s) {
    for (double& v : values) v = normal();
    const Interval i = interval(values);
    held += i.low <= 0 && 0 <= i.high;
  }
  return 100.0 * held / sweeps;
}

TEST(Intervals, CoverInNinetyFiveOfAHundredCases) {
  for (const int n : {3, 5, 10, 20, 50}) {
    const auto of_mean = [](std::span<const double> values) {
      const Estimate e = estimate(values);
      return Interval{e.mean - e.half, e.mean + e.half};
    };
    EXPECT_NEAR(coverage(20'000, n, of_mean), 95, 1) << "mean of " << n;
  }
  for (const int n : {6, 7, 10, 20, 50}) EXPECT_NEAR(coverage(20'000, n, median_interval), 95, 1) << "median of " << n;
  for (const int n : {10, 15}) {
    const auto resampled = [](const std::vector<double>& values) {
      return bootstrap(std::span(&values, 1), interquartile_mean);
    };
    EXPECT_NEAR(coverage(3000, n, resampled), 95, 1) << "interquartile mean of " << n;
  }
  EXPECT_TRUE(std::isnan(median_interval(std::vector<double>{1, 2, 3, 4, 5}).low));
}

TEST(Intervals, StrataAreDrawnFromApart) {
  // Two strata far apart: a resampled mean never moves by what lies between them.
  const std::vector<std::vector<double>> strata{{0, 1, 2, 1, 0, 2, 1}, {100, 101, 102, 101, 100, 102, 101}};
  const Interval i = bootstrap(strata, mean);
  EXPECT_GT(i.low, 50.3);
  EXPECT_LT(i.high, 51.7);
  EXPECT_EQ(bootstrap(strata, mean).low, i.low);
}

// Two methods on trials whose difficulty they share (spread 3); each has a spread of 1 of its own.
Comparison sweep_of_two(int64_t seed, int64_t trials, double difference) {
  Normals normal(seed);
  MethodAreas one{.name = "one", .by_trial = {}}, other{.name = "other", .by_trial = {}};
  for (int64_t t = 0; t < trials; ++t) {
    const double shared = 70 + normal(3);
    one.by_trial[t] = shared + normal() + difference;
    other.by_trial[t] = shared + normal();
  }
  return compare({one, other}, trials);
}

int found(double difference, int64_t first, int64_t sweeps) {
  int count = 0;
  for (int64_t seed = first; seed < first + sweeps; ++seed)
    count += verdict(sweep_of_two(seed, 20, difference).pairs[0]) != Verdict::none;
  return count;
}

// Five of a hundred null sweeps say otherwise, which is what 5 % means.
TEST(Intervals, ANullSweepOfTwentySeedsReportsNoDifference) {
  EXPECT_NEAR(1000 - found(0, 0, 1000), 950, 10) << "of 1,000 seedings";
}

// One spread of a method is 0.71 of the differences' deviation: 20 trials find it in 84 of 100 sweeps; and one spread of
// the differences in 99.
TEST(Intervals, APlantedDifferenceOfOneSpreadIsFound) {
  EXPECT_NEAR(found(1, 0, 200), 168, 16);
  EXPECT_GE(found(std::sqrt(2.0), 0, 100), 95);
}

// Many methods that do not differ: Holm's correction holds over all of their pairs together.
TEST(Intervals, ManyEqualMethodsAreSeldomToldApart) {
  int wrong = 0;
  for (int64_t seed = 0; seed < 100; ++seed) {
    Normals normal(seed);
    std::vector<MethodAreas> methods;
    for (int m = 0; m < 6; ++m) {
      methods.push_back({.name = std::to_string(m), .by_trial = {}});
      for (int64_t t = 0; t < 10; ++t) methods.back().by_trial[t] = normal();
    }
    const Comparison c = compare(std::move(methods), 10);
    wrong += std::ranges::any_of(c.pairs, [](const Pair& p) { return verdict(p) != Verdict::none; });
  }
  EXPECT_LE(wrong, 5);
}

TEST(Intervals, TheTrialsNeededFindADifference) {
  const int64_t needed = trials_needed(1.5, 1, 0.05);
  EXPECT_EQ(needed, 20);  // statsmodels' TTestPower().solve_power(1 / 1.5, None, 0.05, 0.8): 19.66
  int hits = 0;
  Normals normal(7);
  for (int s = 0; s < 4000; ++s) {
    std::vector<double> differences;
    for (int64_t t = 0; t < needed; ++t) differences.push_back(1 + normal(1.5));
    hits += estimate(differences).p < 0.05;
  }
  EXPECT_NEAR(hits / 4000.0, 0.81, 0.02);
  EXPECT_EQ(trials_needed(0, 1, 0.05), 2);
  EXPECT_EQ(trials_needed(1e6, 1, 0.05), kMostNeeded);
}

}  // namespace
}  // namespace crc::apps::test
