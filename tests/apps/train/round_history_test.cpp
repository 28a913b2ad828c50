#include "apps/train/round_history.h"

#include <gtest/gtest.h>

#include <cmath>

namespace crc::apps::test {
namespace {

TEST(RoundHistory, TheFirstBestCountsAndPatienceEndsTheRound) {
  RoundHistory h;
  EXPECT_FALSE(h.exhausted(3, 1));
  h.accuracy = {0.3, 0.5, 0.5, 0.4};
  EXPECT_EQ(h.best_epoch(), 1);
  EXPECT_TRUE(std::isnan(h.at_best_validation()));
  EXPECT_FALSE(h.exhausted(10, 0));  // no patience: to the cap
  EXPECT_FALSE(h.exhausted(10, 3));
  EXPECT_TRUE(h.exhausted(10, 2));
  EXPECT_TRUE(h.exhausted(4, 0));
  EXPECT_EQ(h.stop_reason(4, 2), "at the cap of 4 epochs");
  EXPECT_EQ(h.stop_reason(10, 2), "after 4 epochs, 2 without a better test accuracy");
}

TEST(RoundHistory, AValidationSplitChoosesInsteadOfTheTestSet) {
  RoundHistory h;
  h.accuracy = {0.3, 0.9, 0.5, 0.4};
  h.validation = {0.3, 0.4, 0.6, 0.5};
  EXPECT_EQ(h.best_epoch(), 2);
  EXPECT_EQ(h.at_best_validation(), 0.5);
  EXPECT_TRUE(h.exhausted(10, 1));
  EXPECT_FALSE(h.exhausted(10, 2));
}

TEST(RoundHistory, WithoutAMeasureTheLastEpochIsTheBest) {
  RoundHistory h;
  h.accuracy = {NAN, NAN, NAN};
  EXPECT_FALSE(h.measured());
  EXPECT_EQ(h.best_epoch(), 2);
  EXPECT_FALSE(h.exhausted(10, 1));
  EXPECT_TRUE(h.exhausted(3, 1));
  h.validation = {0.1, 0.3, 0.2};
  EXPECT_EQ(h.best_epoch(), 1);
  EXPECT_TRUE(std::isnan(h.at_best_validation()));
}

TEST(RoundHistory, ZerosOfEarlierVersionsAreForgotten) {
  RoundHistory h;
  h.accuracy = h.loss = h.balanced_accuracy = h.calibration_error = {0, 0};
  h.validation = {0, 0};
  h.forget(/*test=*/true, /*held_out=*/true);
  EXPECT_EQ(h.epochs(), 2);
  EXPECT_FALSE(h.measured());
}

TEST(RoundHistory, IsPartOfACheckpoint) {
  const RoundHistory h{.accuracy = {0.1, 0.2},
                       .loss = {2, 1},
                       .balanced_accuracy = {0.1, 0.3},
                       .calibration_error = {0.4, 0.05},
                       .validation = {},
                       .average = {1, 0},
                       .seconds = 1.5,
                       .best_values = {1, 2, 3},
                       .best_running = {}};
  nn::TensorFile file;
  h.save(file);
  const RoundHistory back = RoundHistory::restore(nn::decode_safetensors(nn::encode_safetensors(file), "c"), "c");
  EXPECT_EQ(back.accuracy, h.accuracy);
  EXPECT_EQ(back.loss, h.loss);
  EXPECT_EQ(back.balanced_accuracy, h.balanced_accuracy);
  EXPECT_EQ(back.calibration_error, h.calibration_error);
  EXPECT_EQ(back.average, h.average);
  EXPECT_TRUE(back.validation.empty());
  EXPECT_EQ(back.seconds, 1.5);
  EXPECT_EQ(back.best_values, h.best_values);
}

TEST(RoundHistory, MedianOfTheLast) {
  EXPECT_EQ(median_of_last({9, 1, 3, 2}, 3), 2);
  EXPECT_EQ(median_of_last({1, 3}, 20), 2);
  EXPECT_TRUE(std::isnan(median_of_last({}, 20)));
  EXPECT_TRUE(std::isnan(median_of_last({NAN, NAN}, 20)));
}

}  // namespace
}  // namespace crc::apps::test
