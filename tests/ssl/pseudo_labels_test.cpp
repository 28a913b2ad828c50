#include "ssl/pseudo_labels.h"

#include <gtest/gtest.h>

#include <cmath>

namespace crc::ssl::test {
namespace {

TEST(PseudoLabels, CountTheSureOnesAndTheRightOnes) {
  // softmax of (2, 0) is 0.88; of (0, 0) 0.5
  const std::vector<float> logits = {2, 0, 0, 2, 2, 0, 0, 0, 9, 0};
  const std::vector<int32_t> labels = {0, 1, 1, 0, -1};
  const std::vector<int64_t> all = {0, 1, 2, 3, 4}, one = {3};
  const PseudoLabels p = judge_pseudo_labels(logits, labels, 2, all, 0.8);
  EXPECT_EQ(p.images, 4);
  EXPECT_EQ(p.rate, 0.75);
  EXPECT_DOUBLE_EQ(p.accuracy, 2.0 / 3);
  EXPECT_TRUE(std::isnan(judge_pseudo_labels(logits, labels, 2, one, 0.8).accuracy));
}

}  // namespace
}  // namespace crc::ssl::test
