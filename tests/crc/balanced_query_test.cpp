#include "crc/balanced_query.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "kernels/core/random.h"
#include "kernels/core/tensor.h"
#include "tests/expect_error.h"

namespace crc::test {
namespace {

using select::select_balanced;

// 60 items of 3 classes in 8 dimensions, one item of unknown class; the first three are labelled.
struct LabeledPool {
  static constexpr int64_t kItems = 60, kDim = 8, kClasses = 3;
  Context context = Context::cpu(1);
  std::vector<float> features, logits;
  std::vector<int32_t> labels;
  std::vector<int64_t> labeled = {0, 1, 2}, unlabeled;
  Tensor feature_tensor, logit_tensor;
  LabeledPool() {
    Draws draws(7, Purpose::test, 0, 0);
    for (int64_t i = 0; i < kItems; ++i) {
      for (int64_t d = 0; d < kDim; ++d) features.push_back(draws.uniform(-1, 1));
      for (int64_t c = 0; c < kClasses; ++c) logits.push_back(draws.uniform(-2, 2));
      labels.push_back(i == 59 ? -1 : int32_t(i % kClasses));
      if (i >= 3) unlabeled.push_back(i);
    }
    feature_tensor = Tensor::from_host(context, {kItems, kDim}, features.data(), "features");
    logit_tensor = Tensor::from_host(context, {kItems, kClasses}, logits.data(), "logits");
  }
  select::Selection query(const std::string& name, int64_t budget, Search search = Search::partition) {
    const select::Problem problem{.features = feature_tensor.view<float, 2>(),
                                  .logits = logit_tensor.view<float, 2>(),
                                  .labeled = labeled,
                                  .unlabeled = unlabeled,
                                  .classes = kClasses};
    return select_balanced(context, problem, {.name = name, .budget = budget, .group_size = 1, .search = search},
                           labels);
  }
  std::vector<int64_t> counts(std::span<const int64_t> items) const {
    std::vector<int64_t> count(kClasses);
    for (int64_t item : items) ++count.at(size_t(labels.at(size_t(item))));
    return count;
  }
};

TEST(BalancedQuery, HoldsEquallyManyOfEachClass) {
  LabeledPool pool;
  for (const char* name : {"random", "entropy", "confidence", "margin", "crc"})
    for (const Search search : {Search::partition, Search::independent}) {
      const select::Selection s = pool.query(name, 6, search);
      EXPECT_EQ(s.picks.size(), 6u) << name;
      EXPECT_EQ(pool.counts(s.picks), (std::vector<int64_t>{2, 2, 2})) << name;
      EXPECT_EQ(std::set<int64_t>(s.picks.begin(), s.picks.end()).size(), 6u) << name;
    }
}

TEST(BalancedQuery, TakesTheBestOfEachClassPool) {
  LabeledPool pool;
  const select::Selection s = pool.query("confidence", 3);
  for (int32_t c = 0; c < 3; ++c) {
    int64_t best = -1;
    double least = 2;
    for (int64_t item : pool.unlabeled) {
      if (pool.labels[size_t(item)] != c) continue;
      double sum = 0, top = 0;
      for (int k = 0; k < 3; ++k) sum += std::exp(double(pool.logits[size_t(item * 3 + k)]));
      for (int k = 0; k < 3; ++k) top = std::max(top, std::exp(double(pool.logits[size_t(item * 3 + k)])) / sum);
      if (top < least) least = top, best = item;
    }
    EXPECT_NE(std::ranges::find(s.picks, best), s.picks.end()) << "class " << c;
  }
}

TEST(BalancedQuery, CrcChoosesAmongWholeQueries) {
  LabeledPool pool;
  const select::Selection s = pool.query("crc", 6);
  EXPECT_EQ(s.group_size, 6);
  EXPECT_EQ(s.groups.size(), 1u);
  EXPECT_EQ(s.scores.size(), 9u);  // the smallest class pool has 18 items: 19 less the one of unknown class
  for (size_t k = 0; k < s.scores.size(); ++k)
    EXPECT_EQ(pool.counts({s.candidates.data() + k * 6, 6}), (std::vector<int64_t>{2, 2, 2}));
  std::vector<int64_t> all = s.candidates;  // a partition: no item twice
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
  EXPECT_EQ(s.groups[0].score, *std::ranges::max_element(s.scores));
}

TEST(BalancedQuery, SaysWhatIsWrong) {
  LabeledPool pool;
  expect_error(ExitCode::config, {"query of 4", "3 classes"}, [&] { pool.query("random", 4); });
  pool.unlabeled = {3, 4, 6};
  expect_error(ExitCode::config, {"class 2 has 0 left"}, [&] { pool.query("crc", 3); });
}

}  // namespace
}  // namespace crc::test
