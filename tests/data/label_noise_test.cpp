#include "data/label_noise.h"

#include <gtest/gtest.h>

#include <map>

namespace crc::test {
namespace {

using data::Annotated;
using data::with_label_noise;
using Labels = std::vector<int32_t>;

Labels some_labels(int64_t n, int64_t classes) {
  Labels labels;
  for (int64_t i = 0; i < n; ++i) labels.push_back(int32_t(i % classes));
  return labels;
}

int64_t wrong(const Labels& said, const Labels& truth) {
  int64_t count = 0;
  for (size_t i = 0; i < truth.size(); ++i) count += said[i] != truth[i];
  return count;
}

TEST(LabelNoise, HasItsRateAndSpreadsOverTheOtherClasses) {
  const Labels truth = some_labels(50000, 5);
  const Labels said = with_label_noise(truth, 5, 0.2, 7);
  EXPECT_NEAR(double(wrong(said, truth)), 10000, 5 * 90);  // five standard deviations
  std::map<int32_t, int64_t> of_class_2;
  for (size_t i = 0; i < truth.size(); ++i)
    if (truth[i] == 2 && said[i] != 2) ++of_class_2[said[i]];
  ASSERT_EQ(of_class_2.size(), 4u);
  for (const auto& [label, count] : of_class_2) EXPECT_NEAR(double(count), 500, 5 * 22) << label;
}

TEST(LabelNoise, AnItemsAnswerDependsOnSeedAndItemAlone) {
  const Labels truth = some_labels(1000, 3), said = with_label_noise(truth, 3, 0.3, 1);
  EXPECT_EQ(said, with_label_noise(truth, 3, 0.3, 1));
  const Labels first(truth.begin(), truth.begin() + 100);
  EXPECT_EQ(with_label_noise(first, 3, 0.3, 1), Labels(said.begin(), said.begin() + 100)) << "of a smaller pool";
  const Labels more = with_label_noise(truth, 3, 0.6, 1);
  for (size_t i = 0; i < truth.size(); ++i)
    if (said[i] != truth[i]) EXPECT_EQ(more[i], said[i]) << "item " << i;
  EXPECT_NE(said, with_label_noise(truth, 3, 0.3, 2));
  EXPECT_NE(said, with_label_noise(truth, 3, 0.3, 1, Annotated::validation));
}

TEST(LabelNoise, LeavesTruthWhereThereIsNothingToSay) {
  EXPECT_EQ(with_label_noise({0, 1, 2}, 3, 0, 1), Labels({0, 1, 2}));
  EXPECT_EQ(with_label_noise({-1, -1, -1}, 3, 1, 1), Labels({-1, -1, -1}));
  EXPECT_EQ(with_label_noise({0, 0}, 1, 1, 1), Labels({0, 0})) << "there is no other class";
  for (const int32_t label : with_label_noise(Labels(100, 1), 2, 1, 1)) EXPECT_EQ(label, 0);
}

}  // namespace
}  // namespace crc::test
