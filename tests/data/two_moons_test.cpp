#include "data/datasets/two_moons.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace crc::test {
namespace {

using namespace crc::data;

// Distance from the arc of its class.
double off_arc(const MoonPoint& p) {
  const double x = p.label == 0 ? p.x : 1 - p.x, y = p.label == 0 ? p.y : 0.5 - p.y;
  return y >= 0 ? std::abs(std::hypot(x, y) - 1) : std::min(std::hypot(x - 1, y), std::hypot(x + 1, y));
}

TEST(TwoMoons, PointsLieAroundTheArcOfTheirClass) {
  double sum = 0;
  for (int64_t i = 0; i < 2000; ++i) {
    const MoonPoint p = moon_point(3, MoonSplit::train, i, 0.1);
    EXPECT_LT(off_arc(p), 0.6);
    EXPECT_LT(off_arc(moon_point(3, MoonSplit::test, i, 0)), 1e-6);
    sum += off_arc(p) * off_arc(p);
  }
  EXPECT_NEAR(std::sqrt(sum / 2000), 0.1, 0.01);
}

TEST(TwoMoons, ThePivotsAreTwoOfEachClass) {
  for (int64_t i = 0; i < kMoonPivots; ++i) {
    const MoonPoint p = moon_point(9, MoonSplit::train, i, 0.3);
    EXPECT_EQ(p.label, i % 2);
    EXPECT_LT(off_arc(p), 1e-12);
  }
}

TEST(TwoMoons, TheDotIsWhereThePointIs) {
  std::vector<uint8_t> pixels(size_t(kMoonHeight * kMoonWidth * 3));
  for (const auto& [row, column] : {std::pair(3, 5), {12, 18}}) {
    render_moon_point(kMoonLeft + (column + 0.5) * kMoonPixel, kMoonTop - (row + 0.5) * kMoonPixel, pixels.data());
    const auto brightest = std::max_element(pixels.begin(), pixels.end()) - pixels.begin();
    EXPECT_EQ(brightest, (row * kMoonWidth + column) * 3);
    EXPECT_EQ(pixels[size_t(brightest)], 255);
  }
}

TEST(TwoMoons, TheDataSetIsThePointsAndALargerOneBeginsWithTheSmaller) {
  const Dataset small = load({"two_moons", "", {{"train", "10"}, {"test", "4"}}});
  const Dataset large = load({"two_moons", "", {{"train", "30"}, {"test", "4"}}});
  EXPECT_EQ(small.classes(), 2);
  EXPECT_TRUE(std::equal(small.train.pixels.begin(), small.train.pixels.end(), large.train.pixels.begin()));
  EXPECT_EQ(small.test.pixels, large.test.pixels);
  EXPECT_NE(small.fingerprint, large.fingerprint);
  for (int64_t i = 0; i < 10; ++i)
    EXPECT_EQ(small.train.labels[size_t(i)], moon_point(1, MoonSplit::train, i, kMoonNoise).label);
}

}  // namespace
}  // namespace crc::test
