// The harness on a clock that the cases themselves move: what it reports must be what they took.
#include "bench/harness.h"

#include <gmock/gmock.h>

#include <cmath>

namespace crc::bench {
namespace {

using testing::DoubleNear;

TEST(Statistics, MedianBestAndCoefficientOfVariation) {
  const Statistics odd = statistics({9, 1, 2});
  EXPECT_EQ(odd.median, 2);
  EXPECT_EQ(odd.best, 1);
  EXPECT_NEAR(odd.cv, std::sqrt(19.0) / 4, 1e-12);  // mean 4, squares 25 + 9 + 4, over n - 1 = 2
  EXPECT_EQ(statistics({4, 1, 2, 3}).median, 2.5);
  EXPECT_EQ(statistics({7}).cv, 0);
}

class Measure : public testing::Test {
 protected:
  // A case whose k-th run takes us(k) microseconds.
  Case timed(std::function<double(int64_t)> us) {
    return {.op = "fake", .shape = "", .setup = [this, us](Inputs&) {
              const size_t set = runs_per_set.size();
              runs_per_set.push_back(0);
              return [this, us, set] {
                ++runs_per_set[set];
                clock += 1e-6 * us(runs++);
              };
            }};
  }
  Timing measured(const Case& c) {
    settings.now = [this] { return clock; };
    return measure(c, context, settings);
  }

  Context context = Context::cpu(1);
  Settings settings;
  double clock = 100;
  int64_t runs = 0;
  std::vector<int64_t> runs_per_set;
};

TEST_F(Measure, RepeatsUntilSamplesAreLongAndMany) {
  const Timing t = measured(timed([](int64_t) { return 5.0; }));
  EXPECT_THAT(t.us.median, DoubleNear(5, 1e-6));
  EXPECT_THAT(t.us.cv, DoubleNear(0, 1e-6));
  EXPECT_GE(double(t.inner) * 5e-6, settings.sample);
  EXPECT_LE(double(t.inner) * 5e-6, 4 * settings.sample);
  EXPECT_GE(t.samples, settings.repetitions);
  EXPECT_GE(double(t.samples * t.inner) * 5e-6, 0.99 * settings.min_time);
}

TEST_F(Measure, SlowCasesRunTenTimesAndNoMore) {
  Case slow = timed([](int64_t) { return 1e6; });
  slow.rotate = false;
  const Timing t = measured(slow);
  EXPECT_EQ(t.inner, 1);
  EXPECT_EQ(t.samples, 10);
  EXPECT_EQ(runs_per_set, std::vector<int64_t>{13});  // first, two to calibrate
}

TEST_F(Measure, AreBoundedByTheClock) {
  Case slow = timed([](int64_t) { return 6e6; });
  slow.rotate = false;
  EXPECT_EQ(measured(slow).samples, 2);  // 12 s of the 10 s allowed
  EXPECT_EQ(runs_per_set, std::vector<int64_t>{3});
  runs_per_set.clear();
  settings.max_time = 1;
  EXPECT_EQ(measured(slow).samples, 1);
  EXPECT_EQ(runs_per_set, std::vector<int64_t>{2});  // first, and one sample
}

TEST_F(Measure, TheFirstRunIsReportedApart) {
  const Timing t = measured(timed([](int64_t k) { return k == 0 ? 1e6 : 10.0; }));
  EXPECT_THAT(t.first_us, DoubleNear(1e6, 1));
  EXPECT_THAT(t.us.median, DoubleNear(10, 1e-6));
}

TEST_F(Measure, StepsOfOneCallShareItsTime) {
  Case c = timed([](int64_t) { return 100.0; });
  c.steps = 4;
  EXPECT_THAT(measured(c).us.median, DoubleNear(25, 1e-6));
}

TEST_F(Measure, AWrongKernelIsNotTimed) {
  for (const double error : {1.0, double(NAN)}) {
    Case c = timed([](int64_t) { return 5.0; });
    c.setup = [setup = c.setup, error](Inputs& in) {
      return bench::Run(setup(in).work, [error](const Oracle&, const bench::Run::Work& work) {
        work();
        return Accuracy{error, 1e-6};
      });
    };
    const Timing t = measured(c);
    EXPECT_FALSE(t.accuracy.passed());
    EXPECT_EQ(t.samples, 0);
  }
}

TEST_F(Measure, InputSetsTakeTurns) {
  Case c = timed([](int64_t) { return 50.0; });
  c.bytes = 20 << 20;
  const Timing t = measured(c);
  ASSERT_EQ(int64_t(runs_per_set.size()), input_sets(c));
  EXPECT_EQ(t.inner % input_sets(c), 0);
  for (int64_t n : runs_per_set) EXPECT_NEAR(double(n), double(runs_per_set[0]), 1);
}

TEST(InputSets, AreEnoughToLeaveTheCaches) {
  Case c;
  c.bytes = 100;
  EXPECT_EQ(input_sets(c), 4);
  c.bytes = 40 << 20;
  EXPECT_EQ(input_sets(c), 2);
  c.bytes = 65 << 20;
  EXPECT_EQ(input_sets(c), 1);
  c.bytes = 100;
  c.rotate = false;
  EXPECT_EQ(input_sets(c), 1);
}

TEST(OracleTest, FindsTheWorstElementAndUnwrittenOnes) {
  Context context = Context::cpu(1);
  const Oracle oracle(context);
  std::vector<float> values{1, 2, 3.5f, -4};
  const View<float, 1> out{values.data(), {4}, context.device(), "out"};
  const auto reference = [](int64_t i) { return i == 3 ? -4.0 : double(i + 1); };
  EXPECT_DOUBLE_EQ(oracle.compare(out, NumericClass::point, reference).error, 0.125);  // 0.5 of 4
  EXPECT_FALSE(oracle.compare(out, NumericClass::point, reference).passed());
  oracle.poison(out);
  EXPECT_FALSE(oracle.compare(out, NumericClass::point, reference).passed());
  EXPECT_TRUE(std::isnan(oracle.compare(out, NumericClass::point, reference).error));
}

TEST(AccuracyTest, TheWorseOneIsNearerItsLimit) {
  const Accuracy none, near{9e-7, 1e-6}, far{1e-6, 1e-5}, failed{1, 0.5}, nan{NAN, 1};
  EXPECT_EQ(worse(near, far).error, near.error);
  EXPECT_EQ(worse(none, far).error, far.error);
  EXPECT_FALSE(worse(near, failed).passed());
  EXPECT_FALSE(worse(nan, near).passed());
  EXPECT_TRUE(none.passed());
}

TEST(InputsTest, AreRandomInRangeAndDifferBetweenSets) {
  Context context = Context::cpu(1);
  Inputs a(context, 1), b(context, 2);
  const auto pixels = a.uniform<uint8_t, 2>({100, 30}, 0, 256);
  int64_t low = 255, high = 0;
  for (int64_t i = 0; i < pixels.size(); ++i) {
    low = std::min<int64_t>(low, pixels[i]);
    high = std::max<int64_t>(high, pixels[i]);
  }
  EXPECT_LT(low, 5);
  EXPECT_GT(high, 250);
  const auto x = a.uniform<float, 1>({50}), y = a.uniform<float, 1>({50}), z = b.uniform<float, 1>({50});
  int64_t same = 0;
  for (int64_t i = 0; i < 50; ++i) same += (x[i] == y[i]) + (x[i] == z[i]) + (x[i] == 0);
  EXPECT_EQ(same, 0);
}

}  // namespace
}  // namespace crc::bench
