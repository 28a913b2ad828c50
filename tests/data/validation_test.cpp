// Held-out images are labelled ones, of each class its share.
#include <algorithm>
#include <functional>
#include <numeric>

#include "data/dataset.h"
#include "data/pool.h"
#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;

Dataset set_of(const std::vector<int64_t>& per_class, int64_t unlabeled) {
  Dataset dataset;
  Images& train = dataset.train;
  train.height = train.width = 1;
  const auto add = [&](int32_t label) {
    train.pixels.insert(train.pixels.end(), 3, uint8_t(train.count % 251));
    train.labels.push_back(label);
    train.names.push_back(std::to_string(train.count++));
  };
  for (size_t c = 0; c < per_class.size(); ++c) {
    dataset.class_names.push_back("class" + std::to_string(c));
    for (int64_t i = 0; i < per_class[c]; ++i) add(int32_t(c));
    for (int64_t i = 0; i < unlabeled; ++i) add(-1);
  }
  return dataset;
}

std::vector<int64_t> counts(const Images& images, int64_t classes) {
  std::vector<int64_t> list;
  for (const auto& items : items_by_class(images.labels, classes)) list.push_back(int64_t(items.size()));
  return list;
}

TEST(HoldOut, EachClassGivesItsShareAndKeepsOne) {
  Dataset dataset = set_of({60, 30, 8, 2}, 50);
  hold_out_labeled(dataset, 20, 3);
  EXPECT_EQ(counts(dataset.validation, 4), (std::vector<int64_t>{12, 6, 1, 1}));
  EXPECT_EQ(counts(dataset.train, 4), (std::vector<int64_t>{48, 24, 7, 1}));
  EXPECT_EQ(dataset.validation.count, 20);
  EXPECT_EQ(dataset.train.count, 280);
  for (int64_t i = 0; i < dataset.validation.count; ++i)  // pixels, labels and names move together
    EXPECT_EQ(dataset.validation.pixels[size_t(3 * i)], std::stoi(dataset.validation.names[size_t(i)]) % 251);
  Dataset again = set_of({60, 30, 8, 2}, 50), other = set_of({60, 30, 8, 2}, 50);
  hold_out_labeled(again, 20, 3);
  hold_out_labeled(other, 20, 4);
  EXPECT_EQ(again.validation.names, dataset.validation.names);
  EXPECT_NE(other.validation.names, dataset.validation.names);
}

TEST(HoldOut, AnyCountThatLeavesAndTakesOneOfEachIsMet) {
  for (int64_t count = 4; count <= 96; ++count) {
    Dataset dataset = set_of({60, 30, 8, 2}, 1);
    hold_out_labeled(dataset, count, 1);
    EXPECT_EQ(dataset.validation.count, count);
    for (int64_t n : counts(dataset.validation, 4)) EXPECT_GE(n, 1) << count;
    for (int64_t n : counts(dataset.train, 4)) EXPECT_GE(n, 1) << count;
  }
}

TEST(HoldOut, TooFewAreRefusedWithTheCounts) {
  Dataset dataset = set_of({60, 30, 8, 2}, 50);
  expect_error([&] { hold_out_labeled(dataset, 3, 0); }, ExitCode::config, {"100 of 300", "choose 4 to 96"});
  expect_error([&] { hold_out_labeled(dataset, 97, 0); }, ExitCode::config, {"choose 4 to 96"});
  Dataset few = set_of({60, 1, 0}, 5);
  expect_error([&] { hold_out_labeled(few, 10, 0); }, ExitCode::config, {"class1: 1", "class2: 0"});
  EXPECT_EQ(dataset.train.count, 300);
}

TEST(Imbalance, ALongTailOfTheTrainingImages) {
  Dataset dataset = set_of({60, 60, 60, 60}, 5);
  make_long_tailed(dataset, 0.125, 3);
  EXPECT_EQ(counts(dataset.train, 4), (std::vector<int64_t>{60, 30, 15, 8}));  // 7.5 to the even side away from zero
  EXPECT_EQ(dataset.train.count, 113 + 20) << "images without a label stay";
  for (int64_t i = 0; i < dataset.train.count; ++i)
    EXPECT_EQ(dataset.train.pixels[size_t(3 * i)], std::stoi(dataset.train.names[size_t(i)]) % 251);
  Dataset again = set_of({60, 60, 60, 60}, 5), other = set_of({60, 60, 60, 60}, 5);
  make_long_tailed(again, 0.125, 3);
  make_long_tailed(other, 0.125, 4);
  EXPECT_EQ(again.train.names, dataset.train.names);
  EXPECT_NE(other.train.names, dataset.train.names);
  Dataset uneven = set_of({20, 60, 9}, 0);
  make_long_tailed(uneven, 1, 3);
  EXPECT_EQ(counts(uneven.train, 3), (std::vector<int64_t>{9, 9, 9}));
  Dataset short_of = set_of({60, 4, 60}, 0);
  make_long_tailed(short_of, 0.25, 3);  // the shape is kept: class 1 has half of what class 0 has
  EXPECT_EQ(counts(short_of.train, 3), (std::vector<int64_t>{8, 4, 2}));
  Dataset none = set_of({3, 0}, 0);
  expect_error([&] { make_long_tailed(none, 0.5, 1); }, ExitCode::config, {"class1"});
  expect_error([&] { make_long_tailed(uneven, 2, 1); }, ExitCode::config, {"above 0"});
}

TEST(Imbalance, ALongTailOfInitialLabels) {
  const Dataset dataset = set_of({60, 60, 60, 60}, 5);
  const auto drawn = [&](int64_t count, double ratio) {
    std::vector<int64_t> by_class(4);
    for (const int64_t item : draw_long_tailed(dataset.train.labels, 4, count, ratio, 7))
      ++by_class[size_t(dataset.train.labels[size_t(item)])];
    return by_class;
  };
  EXPECT_EQ(drawn(15, 0.125), (std::vector<int64_t>{8, 4, 2, 1}));
  EXPECT_EQ(drawn(40, 1), (std::vector<int64_t>{10, 10, 10, 10}));
  EXPECT_EQ(drawn(4, 0.001), (std::vector<int64_t>{1, 1, 1, 1}));
  for (int64_t count = 4; count < 60; ++count) {
    const auto by_class = drawn(count, 0.05);
    EXPECT_EQ(std::accumulate(by_class.begin(), by_class.end(), int64_t(0)), count);
    EXPECT_TRUE(std::ranges::is_sorted(by_class, std::greater())) << count;
  }
  expect_error([&] { drawn(3, 0.5); }, ExitCode::config, {"3 initial labels"});
  expect_error([&] { drawn(200, 0.01); }, ExitCode::config, {"class 0, which has 60"});
}

}  // namespace
}  // namespace crc::test
