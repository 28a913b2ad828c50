#include "kernels/ops/tf32_split.h"

#include <cmath>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class Tf32Splits : public OnDevice {
 protected:
  std::vector<float> split(const std::vector<float>& x, int64_t rows, Factor factor) {
    const int64_t length = int64_t(x.size()) / rows;
    const Guarded<float, 2> from(context, {rows, length}, x, "x");
    Guarded<float, 3> to(context, {rows, 3, length}, std::vector<float>(3 * x.size()), "parts");
    tf32_split(context, to.view(), from.view(), factor);
    return to.get();
  }
};

// The nearest multiple of 2^(exponent - 10), by arithmetic instead of bits.
double nearest_tf32(double x) {
  if (x == 0) return 0;
  const double unit = std::ldexp(1.0, std::max(std::ilogb(x), -126) - 10);
  return std::nearbyint(x / unit) * unit;  // ties to even
}

TEST_P(Tf32Splits, RoundsToTheNearestAndKeepsTheRest) {
  std::vector<float> x = uniform(4096, 1, -3, 3);
  for (size_t i = 0; i < x.size(); i += 2) x[i] *= std::ldexp(1.0f, int(i % 200) - 100);
  x.insert(x.end(), {0.0f, -0.0f, 1.0f, 1 + 0x1p-11f, 1 + 0x3p-11f, 1 + 0x1p-23f, -1 - 0x1p-23f, 0x1p-126f, 0x1p-130f});
  const std::vector<float> parts = split(x, 1, Factor::left);
  for (size_t i = 0; i < x.size(); ++i) {
    const double high = parts[i], low = parts[2 * x.size() + i];
    EXPECT_EQ(high, nearest_tf32(x[i])) << x[i];
    EXPECT_EQ(low, nearest_tf32(double(x[i]) - high)) << x[i];
    EXPECT_EQ(parts[x.size() + i], parts[i]);
    const double least = 0x1p-136 / 2;  // tf32's smallest step
    EXPECT_LE(std::abs(high + low - x[i]), std::max(0x1p-23 * std::abs(double(x[i])), least)) << x[i];
  }
}

TEST_P(Tf32Splits, LaysThePartsSideBySideRowByRow) {
  constexpr int64_t kRows = 5, kLength = 7;
  const std::vector<float> x = uniform(kRows * kLength, 2);
  for (const Factor factor : {Factor::left, Factor::right}) {
    const std::vector<float> parts = split(x, kRows, factor);
    for (int64_t i = 0; i < kRows * kLength; ++i) {
      const float* at = &parts[size_t(i / kLength * 3 * kLength + i % kLength)];
      const Tf32Parts p = tf32_parts(x[size_t(i)]);
      EXPECT_EQ(at[0], p.high);
      EXPECT_EQ(at[kLength], factor == Factor::left ? p.high : p.low);
      EXPECT_EQ(at[2 * kLength], factor == Factor::left ? p.low : p.high);
    }
  }
}

TEST_P(Tf32Splits, MakesNoInfinityAndKeepsWhatIsNotFinite) {
  const float largest = 3.4028234e38f, inf = INFINITY;
  const std::vector<float> parts = split({largest, -largest, inf, -inf, NAN}, 1, Factor::left);
  EXPECT_EQ(double(parts[0]) + parts[10], 0x1p128);  // the nearest of 11 + 11 bits, each of them finite
  EXPECT_EQ(parts[1], -parts[0]);
  EXPECT_EQ(parts[2], inf);
  EXPECT_EQ(parts[12], 0);
  EXPECT_EQ(parts[3], -inf);
  EXPECT_TRUE(std::isnan(parts[4]));
}

TEST_P(Tf32Splits, TakesEmptyArraysAndRefusesWrongShapes) {
  const Guarded<float, 2> none(context, {0, 4}, {}, "x"), x(context, {2, 3}, uniform(6, 1), "x");
  Guarded<float, 3> empty(context, {0, 3, 4}, {}, "parts"), two(context, {2, 2, 3}, uniform(12, 1), "parts");
  tf32_split(context, empty.view(), none.view(), Factor::left);
  EXPECT_THROW(tf32_split(context, two.view(), x.view(), Factor::left), Error);
}

CRC_ON_EACH_DEVICE(Tf32Splits);

}  // namespace
}  // namespace crc::test
