#include "crc/search.h"

#include <cmath>
#include <set>

#include "crc/candidates.h"
#include "kernels/ops/capacitance.h"
#include "tests/crc/pool.h"
#include "tests/kernels/device.h"
#include "tests/kernels/jacobi.h"

namespace crc::test {
namespace {

using select::Copies;
using select::Groups;

std::vector<int64_t> iota(int64_t n, int64_t first = 0) {
  std::vector<int64_t> v(n);
  std::iota(v.begin(), v.end(), first);
  return v;
}

TEST(Partition, CutsThePoolIntoDisjointGroups) {
  for (int64_t n : {1, 2, 7, 64, 101})
    for (int64_t size : {int64_t(1), int64_t(3), n}) {
      if (size > n) continue;
      const Groups groups = select::partition(iota(n, 50), size, 1, 2);
      EXPECT_EQ(groups.count(), n / size);
      const std::set<int64_t> distinct(groups.members.begin(), groups.members.end());
      EXPECT_EQ(distinct.size(), groups.members.size());
      EXPECT_GE(*distinct.begin(), 50);
      EXPECT_LT(*distinct.rbegin(), 50 + n);
      for (int64_t k = 0; k < groups.count(); ++k) EXPECT_TRUE(std::ranges::is_sorted(groups[k]));
    }
}

TEST(Partition, SeedAndRoundEachShuffleAnew) {
  const auto pool = iota(100);
  const auto base = select::partition(pool, 5, 1, 0).members;
  EXPECT_EQ(base, select::partition(pool, 5, 1, 0).members);
  EXPECT_NE(base, select::partition(pool, 5, 2, 0).members);
  EXPECT_NE(base, select::partition(pool, 5, 1, 1).members);
}

TEST(Independent, EachGroupIsDistinctAndDrawsFromTheWholePool) {
  std::vector<int64_t> seen(10);
  const auto pool = iota(10, 50);
  const select::Candidates draws(pool, pool, 4, 5000, 0, 3, 0);
  ASSERT_EQ(draws.count(), 5000);
  const Groups groups = draws.members(iota(5000));
  for (int64_t k = 0; k < groups.count(); ++k) {
    EXPECT_TRUE(std::ranges::adjacent_find(groups[k], std::greater_equal<>()) == groups[k].end());
    for (int64_t item : groups[k]) ++seen[item - 50];
  }
  for (int64_t count : seen) EXPECT_NEAR(double(count), 2000, 5 * std::sqrt(5000 * 0.4 * 0.6));  // five sigma
  const Groups tail = select::Candidates(pool, pool, 4, 10, 4990, 3, 0).members(iota(10));
  EXPECT_TRUE(std::equal(tail.members.begin(), tail.members.end(), groups.members.end() - 40)) << "a draw has a number";
  Context context = Context::cpu();
  const std::vector<int64_t> places = draws.positions(context, 100, 7).to_host<int64_t>(context);
  for (size_t k = 0; k < places.size(); ++k) EXPECT_EQ(places[k] + 50, groups.members[400 + k]);
}

// Features are the item's value in `values`, so that equal values are copies.
std::vector<int64_t> chosen_of(const std::vector<float>& values, std::vector<int64_t> labeled, const Groups& groups,
                               std::vector<double> scores, int64_t wanted) {
  const select::HostRows rows(values, 1);
  std::vector<int64_t> unlabeled;
  for (int64_t i = 0; i < int64_t(values.size()); ++i)
    if (std::ranges::find(labeled, i) == labeled.end()) unlabeled.push_back(i);
  std::vector<int64_t> chosen;
  select::choose(chosen, wanted, groups, scores, Copies(rows, labeled, unlabeled), select::Ties(0, 0));
  return chosen;
}
using Ids = std::vector<int64_t>;

TEST(Choose, BestFirst) {
  const Groups groups{2, {4, 5, 0, 3, 1, 2}};
  EXPECT_EQ(chosen_of({0, 1, 2, 3, 4, 5}, {}, groups, {1, 3, 2}, 2), (Ids{1, 2}));
}
TEST(Choose, TiesAreDrawnAndEveryGroupComesFirstAsOften) {
  const Groups groups{2, {4, 5, 0, 3, 1, 2}};
  const std::vector<float> values{0, 1, 2, 3, 4, 5};
  const select::HostRows rows(values, 1);
  const Ids items = iota(6);
  std::vector<int64_t> first(3);
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    std::vector<int64_t> chosen;
    select::choose(chosen, 1, groups, std::vector<double>{2, 2, 2}, Copies(rows, {}, items), select::Ties(seed, 1));
    ++first[chosen[0]];
  }
  for (int64_t count : first) EXPECT_NEAR(double(count), 1000, 5 * std::sqrt(3000 * 2 / 9.0));
}
TEST(Choose, OfEqualGroupsTheSmallestItemsStandForAll) {
  // Items 2 and 5 are equal, and so are groups 0 and 1.
  EXPECT_EQ(chosen_of({0, 1, 2, 3, 0, 2}, {}, {1, {5, 2, 3}}, {7, 7, 1}, 2), (Ids{1, 2}));
}
TEST(Choose, OverlappingGroupsAreSkipped) {
  EXPECT_EQ(chosen_of({0, 1, 2, 3}, {}, {2, {0, 1, 1, 2, 2, 3}}, {3, 2, 1}, 2), (Ids{0, 2}));
  EXPECT_EQ(chosen_of({0, 1, 2, 3}, {}, {2, {0, 1, 1, 2, 1, 3}}, {1, 2, 3}, 2), (Ids{2}));
}
TEST(Choose, CopiesComeLast) {
  // Item 3 copies the labelled 0; 4 and 5 are equal; 6 copies 1.
  const std::vector<float> values{9, 1, 2, 9, 4, 4, 1, 7};
  const Groups groups{2, {2, 3, 4, 5, 1, 2, 6, 7}};
  EXPECT_EQ(chosen_of(values, {0}, groups, {9, 8, 2, 1}, 1), (Ids{2}));
  EXPECT_EQ(chosen_of(values, {0}, groups, {9, 8, 1, 2}, 3), (Ids{3, 0, 1}));  // 2 would bring a copy of 6
}

class Searches : public OnDevice {};

// Proposition 2: no copy is picked while a group without one is a candidate; at n <= rank its score is exactly 0.
TEST_P(Searches, NeverPicksACopyWhileThereIsAnAlternative) {
  int alternatives = 0, degenerate = 0;
  const uint32_t pools = GetParam() == "cpu" ? 10000 : 60;
  for (uint32_t seed = 0; seed < pools; ++seed) {
    Draws draw(seed, Purpose::test, 1, 0);
    const int64_t group = 1 + draw.below(3), labeled = 1 + draw.below(8), width = 3 + draw.below(6);
    Pool p = Pool::random(seed, labeled, 9 + draw.below(8), width);
    for (int64_t planted = 0; planted < 6; ++planted) {
      const int64_t to = p.unlabeled[draw.below(uint32_t(p.unlabeled.size()))];
      p.copy_features(to, draw.coin() ? p.labeled[0] : p.unlabeled[draw.below(uint32_t(p.unlabeled.size()))]);
    }
    const Config config{.budget = group,
                        .group_size = group,
                        .search = seed % 2 ? Search::partition : Search::independent,
                        .seed = seed};
    const Selection s = p.select(context, config);
    bool alternative = false;
    for (size_t k = 0; k < s.scores.size(); ++k) {
      const bool copies = p.degenerate(candidate(s, int64_t(k)));
      alternative |= !copies;
      degenerate += copies;
      EXPECT_TRUE(labeled + group > s.rank || (s.scores[k] == 0) == copies) << "seed " << seed << ": " << s.scores[k];
    }
    alternatives += alternative;
    EXPECT_FALSE(alternative && p.degenerate(s.picks)) << "seed " << seed;

    // The same groups in another order, their members too, and the lists turned round.
    Pool q = p;
    std::ranges::reverse(q.labeled);
    std::ranges::reverse(q.unlabeled);
    Config shuffled = config;
    shuffled.search = Search::given;
    const auto count = uint32_t(s.scores.size());
    for (uint32_t k = 0; k < count; ++k) {
      const auto members = candidate(s, permute(seed, Purpose::test, 2, count, k));
      shuffled.given.insert(shuffled.given.end(), members.rbegin(), members.rend());
    }
    EXPECT_EQ(q.select(context, shuffled).picks, s.picks) << "seed " << seed;
  }
  EXPECT_GT(alternatives, int(pools) * 3 / 4);
  EXPECT_GT(degenerate, int(pools));
}

TEST_P(Searches, IndependentFillsTheBudgetEvenWithTheWholePool) {
  const Pool p = Pool::random(1, 3, 24, 5);
  const Selection s =
      p.select(context, {.budget = 24, .group_size = 4, .search = Search::independent, .candidates = 6});
  std::vector<int64_t> picks = s.picks, all = p.unlabeled;
  std::ranges::sort(picks);
  std::ranges::sort(all);
  EXPECT_EQ(picks, all);
  EXPECT_EQ(s.groups.size(), 6u);
}

// The smallest eigenvalue over L and a batch, of a pool of small features, times C: written from the equation.
double batch_score(const Pool& p, std::vector<int64_t> items) {
  items.insert(items.end(), p.labeled.begin(), p.labeled.end());
  const int64_t n = int64_t(items.size()), rank = p.width + 1;
  const std::vector<long double> k = p.kernel(items);
  return jacobi_eigenvalues(k, n)[n - std::min(n, rank)];
}

TEST_P(Searches, GreedyTakesTheBestItemEveryTime) {
  for (const int64_t labeled : {0, 4, 12}) {
    const Pool p = Pool::random(17, labeled, 20, 6);
    const Selection s = p.select(context, {.budget = 4, .search = Search::greedy});
    ASSERT_EQ(s.picks.size(), 4u);
    std::vector<int64_t> batch;
    for (size_t k = 0; k < 4; ++k) {
      double best = 0;
      for (int64_t item : p.unlabeled) {
        if (std::ranges::find(batch, item) != batch.end()) continue;
        batch.push_back(item);
        best = std::max(best, batch_score(p, batch));
        batch.pop_back();
      }
      batch.push_back(s.picks[k]);
      EXPECT_NEAR(batch_score(p, batch), best, 2 * kCertificate * best);
      EXPECT_NEAR(s.groups[k].score, best, 2 * kCertificate * best);
    }
    EXPECT_NEAR(s.achieved, batch_score(p, batch), 2 * kCertificate * s.achieved);
  }
}

TEST_P(Searches, ExchangeStopsWhereNoSwapHelps) {
  for (const int64_t labeled : {2, 11}) {
    const Pool p = Pool::random(31, labeled, 18, 7);
    const Selection greedy = p.select(context, {.budget = 5, .search = Search::greedy}),
                    s = p.select(context, {.budget = 5, .search = Search::exchange});
    EXPECT_GE(s.achieved, greedy.achieved * (1 - kCertificate));
    const double achieved = batch_score(p, s.picks);
    EXPECT_NEAR(s.achieved, achieved, 2 * kCertificate * achieved);
    for (size_t k = 0; k < s.picks.size(); ++k)
      for (int64_t item : p.unlabeled) {
        std::vector<int64_t> swapped = s.picks;
        if (std::ranges::find(swapped, item) != swapped.end()) continue;
        swapped[k] = item;
        EXPECT_LE(batch_score(p, swapped), achieved * (1 + 1e-6)) << "item " << item << " at place " << k;
      }
  }
}

TEST_P(Searches, BuiltBatchesHoldNoCopies) {
  Pool p = Pool::random(3, 14, 12, 5);  // beyond the rank, where the eigenvalue does not tell
  for (int64_t k = 1; k < 8; ++k) p.copy_features(p.unlabeled[k], p.unlabeled[0]);
  p.copy_features(p.unlabeled[8], p.labeled[0]);
  for (const Search search : {Search::greedy, Search::exchange}) {
    const Selection s = p.select(context, {.budget = 4, .search = search});
    EXPECT_FALSE(p.degenerate(s.picks)) << word_of(search);
    EXPECT_EQ(s.duplicates, 8);
    const Selection most = p.select(context, {.budget = 6, .search = search});  // more than there are originals
    EXPECT_EQ(std::set<int64_t>(most.picks.begin(), most.picks.end()).size(), 6u);
  }
}

// Too few of the first draws are disjoint, and later ones are better: still best first, copies last.
TEST_P(Searches, FurtherDrawsAreSortedIn) {
  int64_t drawn_again = 0;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    Pool p = Pool::random(seed, 3, 24, 5);
    p.copy_features(p.unlabeled[0], p.labeled[0]);
    const Selection s = p.select(
        context, {.budget = 20, .group_size = 4, .search = Search::independent, .candidates = 6, .seed = seed});
    ASSERT_EQ(s.groups.size(), 5u);
    drawn_again += s.scores.size() > 6;
    bool copies = false;
    for (size_t k = 0; k < 5; ++k) {
      const bool copy = p.degenerate(s.groups[k].items);
      EXPECT_TRUE(copy >= copies) << "seed " << seed << ": a copy before group " << k;
      if (k > 0 && copy == copies) {
        EXPECT_GE(s.groups[k - 1].score, s.groups[k].score) << "seed " << seed;
      }
      copies = copy;
    }
  }
  EXPECT_GT(drawn_again, 30);
}

// More draws than are ever listed or looked at: the picks are those of all of them.
TEST(Streaming, TheBestFewDecideAsAllWould) {
  Context context = Context::cpu();
  const Pool p = Pool::random(12, 2, 30, 4);
  constexpr int64_t kDraws = 200000;
  const Config config{.budget = 28, .group_size = 2, .search = Search::independent, .candidates = kDraws};
  const Selection s = p.select(context, config);
  ASSERT_EQ(s.scores.size(), size_t(kDraws));
  std::vector<int64_t> unlabeled = p.unlabeled;
  std::ranges::sort(unlabeled);
  const Groups all = select::Candidates(unlabeled, unlabeled, 2, kDraws, 0, 0, 0).members(iota(kDraws));
  EXPECT_EQ(all.members, s.candidates);
  const select::HostRows rows(p.features, p.width);
  std::vector<int64_t> chosen, picks;
  select::choose(chosen, 14, all, s.scores, Copies(rows, p.labeled, unlabeled), select::Ties(0, 0));
  for (int64_t k : chosen) picks.insert(picks.end(), all[k].begin(), all[k].end());
  EXPECT_EQ(s.picks, picks);
}

TEST(Streaming, CandidatesCountOnlyWhereTheyAreDrawn) {
  for (const select::Search search : {select::Search::greedy, select::Search::partition})
    select::check_groups({.budget = 10, .search = search, .candidates = 3});
  EXPECT_EQ(
      error_of(ExitCode::config,
               [&] { select::check_groups({.budget = 10, .search = select::Search::independent, .candidates = 3}); }),
      "candidates 3 are fewer than the 10 groups to pick; draw at least as many");
}

TEST(Streaming, SearchesThatAddSingleItemsTakeNoGroups) {
  Context context = Context::cpu();
  const Pool p = Pool::random(12, 2, 30, 4);
  EXPECT_EQ(
      error_of(ExitCode::config, [&] { p.select(context, {.budget = 4, .group_size = 2, .search = Search::greedy}); }),
      "search \"greedy\" adds single items; set the group size to 1, not 2");
}

CRC_ON_EACH_DEVICE(Searches);

}  // namespace
}  // namespace crc::test
