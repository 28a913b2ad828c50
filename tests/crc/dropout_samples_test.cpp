#include "crc/dropout_samples.h"

#include <cmath>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class DropoutSamples : public OnDevice {
 protected:
  static constexpr int64_t kItems = 40, kWidth = 64, kClasses = 3;
  std::vector<float> sample(Context& on, int64_t passes, double rate, uint32_t seed = 1, int64_t round = 0) const {
    const Tensor h = Tensor::from_host(on, {kItems, kWidth}, features.data(), "features"),
                 w = Tensor::from_host(on, {kClasses, kWidth}, weight.data(), "weight"),
                 b = Tensor::from_host(on, {kClasses}, bias.data(), "bias");
    return select::dropout_samples(on, h.view<const float, 2>(), {w.view<const float, 2>(), b.view<const float, 1>()},
                                   passes, rate, seed, round);
  }
  double logit(int64_t item, int64_t c) const {
    double sum = bias[size_t(c)];
    for (int64_t d = 0; d < kWidth; ++d)
      sum += double(weight[size_t(c * kWidth + d)]) * double(features[size_t(item * kWidth + d)]);
    return sum;
  }
  std::vector<float> features = uniform(kItems * kWidth, 1, 0, 2), weight = uniform(kClasses * kWidth, 2, -1, 1),
                     bias = uniform(kClasses, 3, -1, 1);
};

TEST_P(DropoutSamples, AreTheHeadsLogitsOnAverage) {
  constexpr int64_t kPasses = 4000;
  const std::vector<float> s = sample(context, kPasses, 0.5);
  for (int64_t e = 0; e < 30; ++e) {  // elements of one pass
    double mean = 0, square = 0;
    for (int64_t p = 0; p < kPasses; ++p) {
      const double z = s[size_t(p * kItems * kClasses + e)];
      mean += z / kPasses, square += z * z / kPasses;
    }
    const double deviation = std::sqrt(square - mean * mean);
    EXPECT_NEAR(mean, logit(e / kClasses, e % kClasses), 5 * deviation / std::sqrt(double(kPasses)));
    double variance = 0;  // of inverted dropout at 1/2: the sum of squares of the terms
    for (int64_t d = 0; d < kWidth; ++d)
      variance += std::pow(
          double(weight[size_t(e % kClasses * kWidth + d)]) * double(features[size_t(e / kClasses * kWidth + d)]), 2);
    EXPECT_NEAR(deviation, std::sqrt(variance), 0.1 * std::sqrt(variance));
  }
}

TEST_P(DropoutSamples, AreTheSameEverywhereAndOthersInEachRound) {
  Context one = Context::cpu(1), three = Context::cpu(3);
  const std::vector<float> s = sample(context, 5, 0.3);
  EXPECT_EQ(sample(one, 5, 0.3), s);
  EXPECT_EQ(sample(three, 5, 0.3), s);
  EXPECT_NE(sample(context, 5, 0.3, 2), s);
  EXPECT_NE(sample(context, 5, 0.3, 1, 1), s);
  const std::vector<float> fewer = sample(context, 2, 0.3);  // the first passes of more
  EXPECT_EQ(fewer, std::vector<float>(s.begin(), s.begin() + int64_t(fewer.size())));
}

CRC_ON_EACH_DEVICE(DropoutSamples);

}  // namespace
}  // namespace crc::test
