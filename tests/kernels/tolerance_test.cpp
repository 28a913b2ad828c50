#include "tests/kernels/tolerance.h"

#include <gtest/gtest-spi.h>

#include "kernels/core/random.h"

namespace crc::test {
namespace {

void compare(const std::vector<float>& actual, const std::vector<float>& expected, Class c = Class::point) {
  expect_close(actual, expected, c, Dtype::f32, "x");
}

TEST(ExpectClose, AcceptsWhatIsCloseToTheLargest) {
  compare({}, {});
  compare({1, 1e-9f}, {1, 2e-9f});
  compare({1, 2}, {1, 2}, Class::exact);
}

TEST(ExpectClose, RefusesEveryOtherElement) {
  EXPECT_NONFATAL_FAILURE(compare({1, 2, 3}, {1, 2.001f, 3}), "element 1 is 2, expected 2.00");
  EXPECT_NONFATAL_FAILURE(compare({1, 1e-9f}, {1, 2e-9f}, Class::exact), "element 1");
  EXPECT_NONFATAL_FAILURE(compare({NAN, 2, 3}, {1, 2, 3}), "element 0 is nan");
  EXPECT_NONFATAL_FAILURE(compare({1, 2, NAN}, {1, 2, 3}), "element 2 is nan");
  EXPECT_NONFATAL_FAILURE(compare({INFINITY, 2}, {1, 2}), "element 0 is inf");
  EXPECT_NONFATAL_FAILURE(compare({1, 2}, {NAN, 2}), "expected nan");
  EXPECT_NONFATAL_FAILURE(compare({1e-30f}, {0}), "element 0");
  EXPECT_FATAL_FAILURE(expect_close(std::vector<float>{1}, std::vector<float>{}, Class::point, Dtype::f32, "x"), "x");
}

// Sums of uniform products in fp32, as a kernel takes them, in so many chains; and in fp64.
struct Sums {
  std::vector<float> chained;
  std::vector<double> exact;

  Sums(int64_t length, int64_t chains) {
    constexpr int kSums = 16;
    for (int s = 0; s < kSums; ++s) {
      Draws draw(uint64_t(s), Purpose::test, 0, 0);
      std::vector<float> chain(static_cast<size_t>(chains));
      double exact_sum = 0;
      for (int64_t i = 0; i < length; ++i) {
        const float x = 2 * draw.uniform() - 1, y = 2 * draw.uniform() - 1;
        float& sum = chain[size_t(i % chains)];
        sum = std::fma(x, y, sum);
        exact_sum += double(x) * y;
      }
      float total = 0;
      for (float part : chain) total += part;
      chained.push_back(total);
      exact.push_back(exact_sum);
    }
  }
  double error() const {
    double worst = 0, scale = 0;
    for (size_t i = 0; i < exact.size(); ++i) {
      worst = std::max(worst, std::abs(chained[i] - exact[i]));
      scale = std::max(scale, std::abs(exact[i]));
    }
    return worst / scale;
  }
};

TEST(Tolerance, GrowsWithTheRootOfASumsLength) {
  EXPECT_EQ(tolerance(Class::library, Dtype::f32), 64 * 0x1p-23);
  EXPECT_EQ(tolerance(Class::library, Dtype::f32, 1152), 64 * 0x1p-23);  // no weaker for short ones
  EXPECT_EQ(tolerance(Class::library, Dtype::f32, 1 << 20), 512 * 0x1p-23);
  EXPECT_EQ(tolerance(Class::library, Dtype::f64, 1 << 20), 512 * 0x1p-52);
  EXPECT_EQ(tolerance(Class::library, Dtype::bf16, 1 << 20), 4 * 0x1p-8) << "the result's rounding is far larger";
  EXPECT_EQ(tolerance(Class::point, Dtype::f32, 1 << 20), tolerance(Class::point, Dtype::f32));
}

// The weight gradient of a 32x32 layer over 960 images: one chain, which is right, and one position left out, which is
// not.
TEST(Tolerance, HoldsForOneChainAndSeesAMissingTerm) {
  constexpr int64_t kPositions = 960 * 32 * 32;
  const double limit = tolerance(Class::library, Dtype::f32, kPositions);
  const Sums one(kPositions, 1), eight(kPositions, 8), less(kPositions - 1, 8);
  EXPECT_GT(one.error(), tolerance(Class::library, Dtype::f32)) << "the length counts";
  EXPECT_LT(one.error(), limit);
  EXPECT_LT(eight.error(), limit);
  Sums missing = less;
  missing.exact = eight.exact;
  EXPECT_GT(missing.error(), limit);
}

}  // namespace
}  // namespace crc::test
