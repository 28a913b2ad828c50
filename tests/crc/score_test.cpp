#include "crc/score.h"

#include "crc/batch_mode.h"
#include "kernels/ops/capacitance.h"
#include "tests/crc/pool.h"
#include "tests/kernels/device.h"
#include "tests/kernels/jacobi.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class Score : public OnDevice {};

// C times the min(n, rank)-th largest eigenvalue of the n x n kernel over L and the group, and its noise floor: written
// from the equation, without projection and without the dual.
struct Oracle {
  double score, noise, largest;
};
Oracle oracle(const Pool& p, const std::vector<int64_t>& group, int64_t rank) {
  std::vector<int64_t> items = p.labeled;
  items.insert(items.end(), group.begin(), group.end());
  const int64_t n = int64_t(items.size());
  const std::vector<long double> k = p.kernel(items);
  const auto w = jacobi_eigenvalues(k, n);
  // The floor by the rule: the largest eigenvalue over L alone and the diagonal entries of the group.
  const int64_t l = int64_t(p.labeled.size());
  std::vector<long double> k_ll(l * l);
  for (int64_t i = 0; i < l; ++i)
    for (int64_t j = 0; j < l; ++j) k_ll[i * l + j] = k[i * n + j];
  double bound = l > 0 ? double(jacobi_eigenvalues(k_ll, l).back()) : 0;
  for (int64_t i = l; i < n; ++i) bound += double(k[i * n + i]);
  return {w[n - std::min(n, rank)], double(std::max(n, rank)) * 0x1p-52 * bound, w[n - 1]};
}

void expect_scores(const Pool& p, const Selection& s, int64_t rank) {
  EXPECT_EQ(s.rank, rank);
  for (size_t k = 0; k < s.scores.size(); ++k) {
    const Oracle o = oracle(p, candidate(s, int64_t(k)), rank);
    EXPECT_NEAR(s.scores[k], o.score, o.noise + tolerance(Class::library, Dtype::f64) * o.largest) << "group " << k;
    EXPECT_TRUE(o.score <= 2 * o.noise || s.scores[k] > 0) << "group " << k;
    EXPECT_TRUE(s.scores[k] == 0 || s.scores[k] > o.noise / 2) << "group " << k << ": " << s.scores[k];
  }
}

TEST_P(Score, AroundTheRank) {
  constexpr int64_t kWidth = 9, kGroup = 3;
  for (int64_t n = kGroup; n <= kWidth + 4; ++n) {  // below, at and above r = 10
    SCOPED_TRACE("n = " + std::to_string(n));
    const Pool p = Pool::random(uint32_t(n), n - kGroup, 31, kWidth);
    expect_scores(p, p.select(context, {.budget = 6, .group_size = kGroup}), kWidth + 1);
  }
}

TEST_P(Score, PoolSmallerThanTheFeatures) {
  const Pool p = Pool::random(3, 2, 5, 20);
  expect_scores(p, p.select(context, {.budget = 2, .group_size = 1}), 7);  // rank |L|+|U|
}

TEST_P(Score, DeadConstantAndDependentFeaturesLowerTheRank) {
  for (int64_t labeled : {1, 4, 5, 6, 12}) {
    Pool p = Pool::random(11, labeled, 30, 9);
    for (int64_t i = 0; i < p.items; ++i) {
      float* h = &p.features[i * p.width];
      h[0] = 0, h[3] = 0.37f, h[7] = 2 * h[5] - h[6];
      h[7] = h[5];
    }
    const Selection s = p.select(context, {.budget = 4, .group_size = 2});
    expect_scores(p, s, 7);
    EXPECT_EQ(s.constant_features, 2);
    EXPECT_NE(s.summary.find("2 features are constant"), std::string::npos) << s.summary;
  }
}

TEST_P(Score, ExtremeScales) {
  Pool p = Pool::random(5, 4, 20, 6);
  const Pool base = p;
  for (float& h : p.features) h *= 1e15f;  // the 1 of the bias is lost beside 1e30
  expect_scores(p, p.select(context, {.budget = 4, .group_size = 2}), 6);
  p = base;
  for (float& h : p.features) h *= 1e-15f;  // everything is lost beside the 1
  const Selection s = p.select(context, {.budget = 4, .group_size = 2});
  EXPECT_EQ(s.rank, 1);
  for (double score : s.scores) EXPECT_DOUBLE_EQ(score, 3 * 6.0);  // C n: the largest eigenvalue of C 1 1^T
}

// The item `item` of p is the item relabel(item) of the result.
int64_t relabel(const Pool& p, int64_t item) {
  return permute(99, Purpose::test, 1, uint32_t(p.items), uint32_t(item));
}
Pool relabeled(const Pool& p) {
  Pool q = p;
  for (int64_t i = 0; i < p.items; ++i)
    std::copy_n(&p.features[i * p.width], p.width, &q.features[relabel(p, i) * p.width]);
  for (int64_t& item : q.labeled) item = relabel(p, item);
  for (int64_t& item : q.unlabeled) item = relabel(p, item);
  return q;
}

// Relabelling the items permutes the rows of every matrix. Sums are exact or in an order of their own: the bits stay.
TEST_P(Score, BitsDoNotDependOnTheOrderOfRows) {
  for (int64_t labeled : {0, 3, 7, 20}) {
    Pool p = Pool::random(8, labeled, 40, 9);
    for (const bool dead : {false, true}) {
      if (dead)
        for (int64_t i = 0; i < p.items; ++i) p.features[i * p.width + 4] = 0;
      Config config{.budget = 8, .group_size = 2};
      const Selection before = p.select(context, config);
      config.search = Search::given;
      for (int64_t item : before.candidates) config.given.push_back(relabel(p, item));
      const Selection after = relabeled(p).select(context, config);
      EXPECT_EQ(after.scores, before.scores);
      EXPECT_EQ(after.achieved, before.achieved);
      std::vector<int64_t> expected, picks = after.picks;
      for (int64_t item : before.picks) expected.push_back(relabel(p, item));
      std::ranges::sort(expected);
      std::ranges::sort(picks);
      EXPECT_EQ(picks, expected);
    }
  }
}

TEST_P(Score, SameBitsAsOnTheCpu) {
  Context cpu = Context::cpu(1);
  for (int64_t labeled : {0, 5, 20}) {
    const Pool p = Pool::random(21, labeled, 24, 9);
    for (const Search search : {Search::partition, Search::independent, Search::greedy, Search::exchange}) {
      Config config{.budget = 3, .group_size = 3, .search = search};
      if (select::search_entry(search).has(select::SearchTrait::single_items)) config.group_size = 1;
      const Selection here = p.select(context, config), there = p.select(cpu, config);
      EXPECT_EQ(here.scores, there.scores);
      EXPECT_EQ(here.picks, there.picks);
      EXPECT_EQ(here.achieved, there.achieved);
    }
  }
}

// The solver is chosen by the shapes alone, whatever shared memory a GPU has: so are the scores. Groups of 105 KB.
TEST_P(Score, SameBitsWhereAGroupIsLarge) {
  constexpr int64_t kFeatures = 512, kGroup = 20;
  const Pool p = Pool::random(7, kFeatures - kGroup, 2 * kGroup, kFeatures);
  const auto select = [&](Context& on, Solver solver) {
    return p.select(on, {.budget = kGroup, .group_size = kGroup, .solver = solver});
  };
  Context cpu = Context::cpu(1);
  const Selection here = select(context, Solver::capacitance), there = select(cpu, Solver::capacitance);
  EXPECT_EQ(here.rank, kFeatures + 1);
  EXPECT_EQ(here.scores, there.scores);
  EXPECT_EQ(here.picks, there.picks);
  const Selection exact = select(cpu, Solver::syevd);
  for (size_t k = 0; k < here.scores.size(); ++k) {
    double trace = 0;  // bounds the largest eigenvalue
    for (float h : p.features) trace += double(p.classes) * h * h;
    EXPECT_NEAR(here.scores[k], exact.scores[k], kCertificate * exact.scores[k] + 2 * kFeatures * 0x1p-52 * trace);
  }
}

// Features as somebody may bring them, in fp64: of any scale, some dead, some rows equal.
struct WidePool {
  int64_t items, width, labeled, group;
  std::vector<double> features;

  static WidePool random(uint32_t seed) {
    Draws draw(seed, Purpose::test, 3, 0);
    // One in 25 is as large as WRN-28-2's features, and near its rank.
    const bool large = seed % 25 == 0;
    WidePool p{};
    p.width = large ? 128 : 1 + draw.below(12);
    p.group = seed % 50 == 7 ? 1 + draw.below(150) : 1 + draw.below(large ? 20 : 6);
    p.labeled = seed % 4 == 0 ? int64_t(draw.below(2)) : int64_t(draw.below(30));
    if (large && seed % 2 == 0) p.labeled = std::max<int64_t>(0, 127 + int64_t(draw.below(5)) - p.group);
    p.items = p.labeled + p.group * (large ? 2 : 4);
    const double scale = std::pow(10.0, seed % 3 == 0 ? double(draw.below(201)) - 100 : 0.0);
    const auto values = uniform(p.items * p.width, seed, -1, 2);
    for (size_t k = 0; k < values.size(); ++k)
      p.features.push_back(scale * double(values[k]) * std::exp(-double(k % size_t(p.width)) * draw.below(3) * 0.05));
    if (draw.coin())
      for (int64_t i = 0, dead = draw.below(uint32_t(p.width)); i < p.items; ++i) p.features[i * p.width + dead] = 0;
    for (int64_t copies = draw.below(4); copies > 0; --copies) {
      const int64_t to = draw.below(uint32_t(p.items)), from = draw.below(uint32_t(p.items));
      if (to != from) std::copy_n(&p.features[from * p.width], p.width, &p.features[to * p.width]);
    }
    return p;
  }
  Selection select(Context& context, Solver solver) const {
    std::vector<int64_t> known(labeled), others(items - labeled);
    std::iota(known.begin(), known.end(), 0);
    std::iota(others.begin(), others.end(), labeled);
    const Tensor h = Tensor::from_host(context, {items, width}, features.data(), "features");
    return crc::select::select(context, Problem{h.view<const double, 2>(), {}, known, others},
                               {.budget = group, .group_size = group, .solver = solver});
  }
};

// Within the certificate, or the noise floor where that is coarser.
TEST_P(Score, EverySolverAgreesWithTheDefinition) {
  const uint32_t pools = GetParam() == "cpu" ? 10000 : 200;
  int zeros = 0, positive = 0;
  for (uint32_t seed = 0; seed < pools; ++seed) {
    const WidePool p = WidePool::random(seed);
    const Selection expected = p.select(context, Solver::syevd);
    const int64_t n = p.labeled + p.group;
    std::vector<double> norms(p.items, 1);
    for (int64_t i = 0; i < p.items; ++i)
      for (int64_t d = 0; d < p.width; ++d) norms[i] += p.features[i * p.width + d] * p.features[i * p.width + d];
    for (size_t k = 0; k < all_words<Solver>().size(); ++k) {
      const Solver solver = Solver(k);
      if (solver == Solver::syevd || !select::solver_entry(solver).has(select::SolverTrait::rows)) continue;
      const Selection s = p.select(context, solver);
      ASSERT_EQ(s.scores.size(), expected.scores.size());
      for (size_t k = 0; k < s.scores.size(); ++k) {
        double trace = 0;  // bounds the largest eigenvalue
        for (int64_t i = 0; i < p.labeled; ++i) trace += norms[i];
        for (int64_t item : candidate(s, int64_t(k))) trace += norms[item];
        const double noise = double(std::max(n, s.rank)) * 0x1p-52 * trace;
        EXPECT_NEAR(s.scores[k], expected.scores[k], kCertificate * expected.scores[k] + 2 * noise)
            << word_of(solver) << ", seed " << seed << ", group " << k << ": n = " << n << ", rank " << s.rank
            << ", width " << p.width;
      }
    }
    for (double score : expected.scores) ++(score > 0 ? positive : zeros);
  }
  EXPECT_GT(zeros, int(pools) / 10) << "copies must be among the pools";
  EXPECT_GT(positive, int(pools));
}

TEST_P(Score, BatchesDoNotChangeTheBits) {
  constexpr int64_t kLabeled = 100, kGroups = 840;
  static_assert(kGroups * (kLabeled + 1) * (kLabeled + 1) * 8 > select::kBatchBytes, "one batch tests nothing");
  if (GetParam() != "cpu") GTEST_SKIP() << "batches are the host's; 840 large spectra take an emulated GPU a minute";
  const Pool p = Pool::random(4, kLabeled, kGroups, 128);
  const Selection all = p.select(context, {.budget = 1, .solver = Solver::syevd});
  Config few{.budget = 1, .search = Search::given, .solver = Solver::syevd};
  few.given = {candidate(all, 0)[0], candidate(all, kGroups - 1)[0]};
  const Selection s = p.select(context, few);
  EXPECT_EQ(s.scores, (std::vector<double>{all.scores.front(), all.scores.back()}));
}

TEST_P(Score, Fp32PositiveIsTheLiteralRule) {
  const Pool p = Pool::random(4, 3, 20, 9);  // n = 5 <= rank: no zero to stumble over
  const Selection naive = p.select(context, {.budget = 2, .group_size = 2, .solver = Solver::fp32_positive});
  const Selection exact = p.select(context, {.budget = 2, .group_size = 2});
  expect_close(naive.scores, exact.scores, Class::library, Dtype::f32, "scores at full rank");
  // A copy of a labelled item: the exact score is 0, the literal one skips the zero.
  Pool copies = p;
  for (int64_t k = 0; k < 10; ++k) copies.copy_features(copies.unlabeled[k], copies.labeled[k % 3]);
  Config config{.budget = 1, .search = Search::given};
  config.given.assign(copies.unlabeled.begin(), copies.unlabeled.begin() + 10);
  for (double score : copies.select(context, config).scores) EXPECT_EQ(score, 0);
  config.solver = Solver::fp32_positive;
  for (double score : copies.select(context, config).scores) EXPECT_GT(score, 0);
}

TEST(ScoreThreads, SameBitsForAnyNumber) {
  const Pool p = Pool::random(4, 12, 300, 17);
  Context one = Context::cpu(1), three = Context::cpu(3);
  for (const Search search : {Search::partition, Search::independent}) {
    const Config config{.budget = 30, .group_size = 3, .search = search};
    const Selection a = p.select(one, config), b = p.select(three, config);
    EXPECT_EQ(a.picks, b.picks);
    EXPECT_EQ(a.scores, b.scores);
    EXPECT_EQ(a.achieved, b.achieved);
  }
}

TEST(ExactMomentTest, IsTheSumInAnyOrder) {
  constexpr int64_t kWidth = 5, kRows = 1000;
  const auto draws = uniform(kRows * kWidth, 5, -1, 1);
  std::vector<double> rows(draws.begin(), draws.end());
  for (int64_t k = 0; k < kRows * kWidth; ++k) rows[k] *= std::exp(-double(k % 37)) / 3;  // far more than 24 bits
  std::vector<double> largest(kWidth);
  for (int64_t k = 0; k < kRows * kWidth; ++k) largest[k % kWidth] = std::max(largest[k % kWidth], std::abs(rows[k]));
  select::ExactMoment forward(largest, kRows), backward(largest, kRows);
  for (int64_t k = 0; k < kRows; ++k) {
    forward.add({rows.data() + k * kWidth, kWidth});
    backward.add({rows.data() + (kRows - 1 - k) * kWidth, kWidth});
  }
  EXPECT_EQ(forward.matrix(), backward.matrix());
  std::vector<double> expected;
  for (int64_t i = 0; i < kWidth; ++i)
    for (int64_t j = 0; j < kWidth; ++j) {
      long double sum = 0;
      for (int64_t k = 0; k < kRows; ++k) sum += (long double)rows[k * kWidth + i] * rows[k * kWidth + j];
      expected.push_back(double(sum));
    }
  expect_close(forward.matrix(), expected, Class::point, Dtype::f64, "moment");
}

TEST_P(Score, TheExactMomentIsTheSameBitsAsOnTheHost) {
  constexpr int64_t kWidth = 33, kRows = 500;
  const auto draws = uniform(kRows * kWidth, 5, -1, 1);
  const std::vector<double> rows(draws.begin(), draws.end()), largest(kWidth, 1.0);
  const Tensor there = Tensor::from_host(context, {kRows, kWidth}, rows.data(), "rows");
  select::ExactMoment host(largest, kRows), device(largest, kRows, context);
  host.add(rows);
  for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, 1}, {1, 300}, {300, 300}, {300, kRows}})
    device.add_rows(there.view<const double, 2>().slice(begin, end));
  EXPECT_EQ(host.matrix(), device.matrix());
}

CRC_ON_EACH_DEVICE(Score);

}  // namespace
}  // namespace crc::test
