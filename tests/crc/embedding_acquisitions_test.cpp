// Acquisitions on embeddings, and those on gradients of the last layer, against plain NumPy.
#include <map>
#include <set>

#include "crc/k_means.h"
#include "kernels/ops/pairwise_tile.h"
#include "tests/crc/golden_pool.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

constexpr const char* kNames[] = {"kmeans",   "typiclust",         "probcover", "maxherding",
                                  "uherding", "facility_location", "rdss"};
// Lines of the golden file: a name, and what is set for it.
constexpr const char* kVariants[] = {"maxherding_weighted", "egl_last", "badge",     "badge_weighted", "coreset",
                                     "coreset_weighted",    "bait",     "bait_top1", "bait_top2"};

class EmbeddingAcquisitions : public OnDevice {};

TEST_P(EmbeddingAcquisitions, PickWhatPlainNumPyPicks) {
  expect_golden_picks(context, "acquisitions.txt", GetParam() == "cpu" ? 50 : 2,
                      std::size(kNames) + std::size(kVariants), golden_pool);
}

// Picks of parts: as many as asked for, better than drawn ones, near those of the whole pool, the same for any order of
// the lists and any number of threads.
TEST_P(EmbeddingAcquisitions, PartsAreNearlyTheWhole) {
  const int64_t items = GetParam() == "cpu" ? 600 : 60, budget = 8;
  for (const char* name : {"maxherding", "facility_location", "probcover"})
    for (uint32_t seed = 0; seed < (GetParam() == "cpu" ? 3 : 1); ++seed) {
      Pool pool = Pool::random(seed, 5, items, 6);
      Config config{.name = name, .budget = budget, .radius = 0.5, .seed = seed};
      const auto covered = [&](const std::vector<int64_t>& picks) {  // what picks add, one after the other
        Config all = config;
        all.partitions = 1, all.budget = int64_t(picks.size());
        Pool only = pool;
        only.labeled.insert(only.labeled.end(), picks.begin(), picks.end());
        std::erase_if(only.unlabeled, [&](int64_t item) { return std::ranges::count(picks, item) > 0; });
        all.budget = 1;
        const Selection next = only.select(context, all);
        const std::string words = next.summary.substr(next.summary.find("mean coverage ") + 14);
        return std::stod(words);
      };
      const std::vector<int64_t> whole = pool.select(context, config).picks;
      config.partitions = 4;
      const Selection parts = pool.select(context, config);
      EXPECT_EQ(std::set(parts.picks.begin(), parts.picks.end()).size(), size_t(budget)) << name;
      EXPECT_EQ(parts.scores.size(), size_t(items));
      Config drawn = config;
      drawn.name = "random", drawn.partitions = 1;
      const double none = covered({}), by_parts = covered(parts.picks);
      EXPECT_GE(by_parts - none, 0.8 * (covered(whole) - none)) << name << " " << seed;
      EXPECT_GE(by_parts, covered(pool.select(context, drawn).picks)) << name << " " << seed;
      std::ranges::reverse(pool.unlabeled);
      Context three = Context::cpu(3);
      EXPECT_EQ(pool.select(three, config).picks, parts.picks) << name;
      config.partitions = items + 1;
      EXPECT_THROW(pool.select(context, config), Error);
      config.partitions = items;  // of one item each, and some of none
      EXPECT_EQ(pool.select(context, config).picks.size(), size_t(budget));
    }
}

// Bounds, lowered or looked at again, leave the picks and gains of the plain greedy algorithm, bit for bit.
TEST_P(EmbeddingAcquisitions, LazyGreedyIsPlainGreedy) {
  const int64_t labeled = 5, unlabeled = GetParam() == "cpu" ? 700 : 60, width = 12, count = labeled + unlabeled;
  Pool p = Pool::random(7, labeled, unlabeled, width);
  std::vector<float> rows;
  std::vector<int64_t> items = p.labeled;
  std::ranges::sort(p.unlabeled);
  items.insert(items.end(), p.unlabeled.begin(), p.unlabeled.end());
  for (int64_t item : items) rows.insert(rows.end(), &p.features[item * width], &p.features[item * width] + width);
  const Tensor x = Tensor::from_host(context, {count, width}, rows.data(), "rows");
  const std::vector<double> ones(size_t(count), 1.0);
  const Tensor weights = Tensor::from_host(context, {count}, ones.data(), "weights"),
               current(context, {count}, Dtype::f64, "current"), gain(context, {count}, Dtype::f64, "gain");
  const auto all = x.view<const float, 2>();
  const auto cover = [&](int64_t begin, int64_t end) {
    pairwise_most(context, current.view<double, 1>(), all, all.slice(begin, end), Pairing{Measure::similarity});
  };
  cover(0, labeled);
  const Selection s = p.select(context, {.name = "facility_location", .budget = 40, .seed = 2});
  for (int k = 0; k < 40; ++k) {
    pairwise_gain(context, gain.view<double, 1>(), all, all, current.view<const double, 1>(),
                  weights.view<const double, 1>(), Pairing{Measure::similarity});
    const std::vector<double> gains = gain.to_host<double>(context);
    const double most = *std::ranges::max_element(gains.begin() + labeled, gains.end());
    const auto at = std::lower_bound(items.begin() + labeled, items.end(), s.picks[k]) - items.begin();
    ASSERT_EQ(gains[at], most) << "pick " << k;  // one of equals, as two items are that cover only each other
    ASSERT_EQ(s.groups[k].score, most);
    cover(at, at + 1);
  }
}

TEST_P(EmbeddingAcquisitions, CopiesComeLast) {
  for (uint32_t seed = 0; seed < (GetParam() == "cpu" ? 20 : 4); ++seed) {
    Pool p = Pool::random(seed, 3, 24, 6, 3);
    std::ranges::sort(p.unlabeled);
    for (size_t k = 12; k < 24; ++k) p.copy_features(p.unlabeled[k], k < 15 ? p.labeled[k - 12] : p.unlabeled[k - 12]);
    for (const char* name : {"maxherding", "facility_location", "rdss", "kmeans", "typiclust"}) {
      std::set<std::vector<float>> rows;
      for (int64_t item : p.labeled) rows.insert({&p.features[item * 6], &p.features[item * 6] + 6});
      const bool one_each = std::string(name) == "kmeans";  // a cluster may hold nothing but copies
      for (int64_t item : p.select(context, {.name = name, .budget = 9, .seed = seed}).picks)
        EXPECT_TRUE(rows.insert({&p.features[item * 6], &p.features[item * 6] + 6}).second || one_each)
            << name << ", seed " << seed << ", item " << item;
    }
  }
}

TEST_P(EmbeddingAcquisitions, ARadiusIsTaken) {
  const Pool p = Pool::random(3, 2, 40, 5);
  for (const char* name : {"probcover", "maxherding", "uherding", "rdss"}) {
    const Selection narrow = p.select(context, {.name = name, .budget = 4, .radius = 1e-6});
    const Selection wide = p.select(context, {.name = name, .budget = 4, .radius = 0.5});
    EXPECT_NE(narrow.scores, wide.scores) << name;
    if (std::string(name) == "probcover") {
      for (double score : narrow.scores) EXPECT_EQ(score, 1);  // every ball holds its own item alone
    }
  }
}

TEST_P(EmbeddingAcquisitions, ProbCoverNeedsClassesOrARadius) {
  const Pool p = Pool::random(3, 2, 20, 5);
  const Tensor h = Tensor::from_host(context, {p.items, p.width}, p.features.data(), "features");
  const Problem problem{
      .features = h.view<const float, 2>(), .logits = {}, .labeled = p.labeled, .unlabeled = p.unlabeled};
  EXPECT_NE(
      error_of(ExitCode::config, [&] { crc::select::select(context, problem, {.name = "probcover", .budget = 2}); })
          .find("give the number of classes, 2 or more, or a radius"),
      std::string::npos);
  EXPECT_EQ(crc::select::select(context, problem, {.name = "probcover", .budget = 2, .radius = 0.3}).picks.size(), 2u);
  // Without labels there is nothing to be uncertain about, and no logits are needed.
  Problem cold = problem;
  cold.labeled = {};
  EXPECT_EQ(crc::select::select(context, cold, {.name = "uherding", .budget = 2}).picks,
            crc::select::select(context, cold, {.name = "maxherding", .budget = 2}).picks);
}

TEST_P(EmbeddingAcquisitions, KMeansFindsWhatIsApart) {
  std::vector<float> rows;
  for (int i = 0; i < 60; ++i)
    for (int d = 0; d < 3; ++d) rows.push_back(float(i % 4 == d) * 10 + Draws(1, Purpose::test, i, d).uniform());
  const Tensor x = Tensor::from_host(context, {60, 3}, rows.data(), "rows");
  for (uint32_t seed = 0; seed < 10; ++seed) {
    const select::Clusters clusters = select::k_means(context, x.view<const float, 2>(), 4, seed, 0);
    std::map<int64_t, std::set<int>> kinds;
    for (int i = 0; i < 60; ++i) kinds[clusters.of[i]].insert(i % 4);
    EXPECT_EQ(kinds.size(), 4u);
    for (const auto& [cluster, of] : kinds) EXPECT_EQ(of.size(), 1u);
  }
}

TEST(EmbeddingAcquisitionThreads, SameBitsForAnyNumber) {
  expect_same_for_any_threads(Pool::random(4, 12, 500, 17), kNames, 30);
}

CRC_ON_EACH_DEVICE(EmbeddingAcquisitions);

}  // namespace
}  // namespace crc::test
