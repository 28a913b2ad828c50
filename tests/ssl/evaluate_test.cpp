// What predictions are worth, by hand on four images of three classes.
#include "ssl/evaluate.h"

#include <gtest/gtest.h>

#include <cmath>

namespace crc::test {
namespace {

std::vector<float> logits_of(const std::vector<std::vector<double>>& probabilities) {
  std::vector<float> logits;
  for (const auto& row : probabilities)
    for (double p : row) logits.push_back(float(std::log(p)));
  return logits;
}

// Right at 0.5, wrong at 0.6 (said 0, is 2), right at 0.9 and at 0.92; one unlabelled.
const std::vector<float> kLogits =
    logits_of({{0.5, 0.3, 0.2}, {0.6, 0.3, 0.1}, {0.05, 0.9, 0.05}, {0.1, 0.1, 0.8}, {0.04, 0.92, 0.04}});
const std::vector<int32_t> kLabels{0, 2, 1, -1, 1};

TEST(Evaluate, CountsLabelledImages) {
  const ssl::Evaluation e = ssl::evaluate(kLogits, kLabels, 3);
  EXPECT_EQ(e.images, 4);
  EXPECT_DOUBLE_EQ(e.accuracy, 0.75);
  EXPECT_DOUBLE_EQ(e.balanced_accuracy, 2.0 / 3.0) << "class 0 all, class 1 all, class 2 none";
  EXPECT_NEAR(e.loss, -(std::log(0.5) + std::log(0.1) + std::log(0.9) + std::log(0.92)) / 4, 1e-6);
  EXPECT_EQ(e.confusion, (std::vector<int64_t>{1, 0, 0, 0, 2, 0, 1, 0, 0}));
}

TEST(Evaluate, CalibrationErrorByHand) {
  // Bins of width 1/15: 0.5 lies in (7/15, 8/15], 0.6 in (8/15, 9/15] up to rounding, 0.9 and 0.92 in (13/15, 14/15].
  const double expected = ((1 - 0.5) + 0.6 + (2 - 0.9 - 0.92)) / 4;
  EXPECT_NEAR(ssl::evaluate(kLogits, kLabels, 3).calibration_error, expected, 1e-6);
}

TEST(Evaluate, NothingLabelledIsNothing) {
  const ssl::Evaluation e = ssl::evaluate(kLogits, std::vector<int32_t>(5, -1), 3);
  EXPECT_EQ(e.images, 0);
  for (double value : {e.accuracy, e.balanced_accuracy, e.loss, e.calibration_error}) EXPECT_TRUE(std::isnan(value));
  EXPECT_EQ(e.predicted, (std::vector<int64_t>{2, 2, 1}));  // that much is known
  EXPECT_NEAR(e.confidence, (0.5 + 0.6 + 0.9 + 0.8 + 0.92) / 5, 1e-6);
}

TEST(Evaluate, RefusesLogitsThatAreNoNumbers) {
  for (const float bad : {float(NAN), float(INFINITY)}) {
    std::vector<float> logits = kLogits;
    logits[10] = bad;  // of the image without a label
    try {
      ssl::evaluate(logits, kLabels, 3);
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::numerical);
      EXPECT_NE(std::string(e.what()).find("logit 1 of image 3 is"), std::string::npos) << e.what();
    }
  }
}

}  // namespace
}  // namespace crc::test
