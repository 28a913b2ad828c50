// crc/select.h: what it takes, what it gives back, what it leaves alone.
#include "crc/select.h"

#include <cblas.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "kernels/core/dtype.h"

namespace crc_active {
namespace {

constexpr int64_t kItems = 120, kWidth = 6, kClasses = 3;

std::vector<float> numbers(int64_t count, double step) {
  std::vector<float> values;
  for (int64_t k = 0; k < count; ++k) values.push_back(float(std::sin(step * double(k) * double(k)) * 3));
  return values;
}

struct SelectLibrary : testing::Test {
  std::vector<float> features = numbers(kItems * kWidth, 12.9898), logits = numbers(kItems * kClasses, 7.77);
  std::vector<int64_t> labeled{3, 70, 9};
  Problem problem{.features = {rows(features.data(), kItems, kWidth)}, .labeled = labeled};
  Options options{.budget = 4, .group_size = 2, .device = "cpu"};

  int refused(const std::string& words) {
    try {
      select(problem, options);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
      return error.exit_code();
    }
    ADD_FAILURE() << "not refused: " << words;
    return 0;
  }
};

TEST_F(SelectLibrary, PicksAndScoresDoNotDependOnHowTheArrayStands) {
  const Selection expected = select(problem, options);
  EXPECT_EQ(expected.picks.size(), 4u);
  EXPECT_EQ(expected.groups.size(), 2u);
  EXPECT_EQ(expected.facts.at("rank"), double(kWidth + 1));
  EXPECT_TRUE(expected.copied.empty());
  std::vector<float> turned(features.size()), apart(2 * features.size());
  for (int64_t i = 0; i < kItems; ++i)
    for (int64_t d = 0; d < kWidth; ++d)
      turned[size_t(d * kItems + i)] = apart[size_t(2 * (i * kWidth + d))] = features[size_t(i * kWidth + d)];
  std::vector<float> backwards(features.rbegin(), features.rend());
  const Array ways[] = {
      {.data = turned.data(), .shape = {kItems, kWidth}, .strides = {1, kItems}},
      {.data = apart.data(), .shape = {kItems, kWidth}, .strides = {2 * kWidth, 2}},
      {.data = &backwards.back(), .shape = {kItems, kWidth}, .strides = {-kWidth, -1}},
  };
  for (const Array& way : ways) {
    problem.features = {way};
    const Selection found = select(problem, options);
    EXPECT_EQ(found.picks, expected.picks);
    EXPECT_EQ(found.scores, expected.scores);
    EXPECT_EQ(found.copied, std::vector<std::string>{"features"});
  }
  problem.features = {rows(features.data(), 50, kWidth), rows(&features[50 * kWidth], kItems - 50, kWidth)};
  EXPECT_EQ(select(problem, options).scores, expected.scores);
}

TEST_F(SelectLibrary, NarrowTypesAreWidened) {
  std::vector<uint16_t> narrow;
  std::vector<float> wide;
  for (float value : features) {
    narrow.push_back(crc::bf16(value).bits);
    wide.push_back(float(crc::bf16(value)));
  }
  problem.features = {rows(wide.data(), kItems, kWidth)};
  const Selection expected = select(problem, options);
  problem.features = {{.data = narrow.data(), .type = Type::bf16, .shape = {kItems, kWidth}}};
  EXPECT_EQ(select(problem, options).scores, expected.scores);
}

TEST_F(SelectLibrary, ClassesFollowTheOrderOfTheList) {
  problem.logits = {rows(logits.data(), kItems, kClasses)};
  options = {.budget = 4, .acquisition = "galaxy", .device = "cpu"};
  std::vector<int32_t> labels{0, 2, 1};
  problem.labels = labels;
  const Selection expected = select(problem, options);
  labeled = {9, 3, 70}, labels = {1, 0, 2};
  EXPECT_EQ(select(problem, options).picks, expected.picks);
}

TEST_F(SelectLibrary, TheHostsThreadsStayAsTheyAre) {
  const int before = omp_get_max_threads(), blas = openblas_get_num_threads();
  omp_set_num_threads(3);
  openblas_set_num_threads(2);
  options.threads = 2;
  select(problem, options);
  EXPECT_EQ(omp_get_max_threads(), 3);
  EXPECT_EQ(openblas_get_num_threads(), 2);
  options.budget = 1000;
  EXPECT_EQ(refused("budget 1000 with 117"), 78);
  EXPECT_EQ(omp_get_max_threads(), 3);
  EXPECT_EQ(openblas_get_num_threads(), 2);
  omp_set_num_threads(before);
  openblas_set_num_threads(blas);
}

TEST_F(SelectLibrary, StopEndsIt) {
  constexpr int64_t kMany = 20000;
  const std::vector<float> many = numbers(kMany * 16, 1.2345);
  problem = {.features = {rows(many.data(), kMany, 16)}};
  options = {.budget = 3000, .acquisition = "facility_location", .device = "cpu"};
  std::atomic<int> asked = 0;
  const auto caller = std::this_thread::get_id();
  options.stop = [&] {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    return ++asked > 2;
  };
  EXPECT_EQ(refused("asked to end"), 75);
  EXPECT_EQ(asked, 3);
  options.stop = []() -> bool { throw std::domain_error("mine"); };
  EXPECT_THROW(select(problem, options), std::domain_error);
}

TEST_F(SelectLibrary, SelectionsAtTheSameTime) {
  const Selection expected = select(problem, options);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int k = 0; k < 10; ++k) EXPECT_EQ(select(problem, options).scores, expected.scores);
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SelectLibrary, WrongInputIsRefusedInWords) {
  labeled = {3, 3};
  problem.labeled = labeled;
  EXPECT_EQ(refused("item 3 is twice in the labeled list"), 78);
  labeled = {3, kItems};
  EXPECT_EQ(refused("item 120 of the labeled list is outside the 120 rows"), 78);
  labeled = {3, -1};
  EXPECT_EQ(refused("item -1 of the labeled list is negative"), 78);
  labeled = {3, 4};
  problem.features[0].shape = {kItems * kWidth};
  EXPECT_EQ(refused("features holds [720] <f4; features are floats [items,columns]"), 65);
  problem.features[0].name = "pool";
  EXPECT_EQ(refused("pool holds"), 65);
  problem.features = {rows(features.data(), kItems, kWidth)};
  options.search = "best";
  EXPECT_EQ(refused("search: best is not one of partition"), 64);
}

TEST_F(SelectLibrary, AnAcquisitionOfOnesOwn) {
  register_acquisition("by_number", [](const Question& q) {
    Answer answer;
    for (int64_t item : q.unlabeled) answer.scores.push_back(double(item));
    return answer;
  });
  options = {.budget = 3, .acquisition = "by_number", .device = "cpu"};
  EXPECT_EQ(select(problem, options).picks, (std::vector<int64_t>{119, 118, 117}));
  EXPECT_EQ(acquisitions().back(), "by_number");
  EXPECT_THROW(register_acquisition("margin", [](const Question&) { return Answer(); }), Error);
}

}  // namespace
}  // namespace crc_active
