// Labelled sets that span less than they have items: copies, rows that depend on others, near-copies. The score stands
// at place min(rank(L) + G, rank of the pool); oracles are written from that sentence, in long double.
#include "crc/labeled_rank.h"

#include <set>

#include "crc/batch_mode.h"
#include "crc/score.h"
#include "kernels/ops/capacitance.h"
#include "tests/crc/pool.h"
#include "tests/kernels/device.h"
#include "tests/kernels/jacobi.h"

namespace crc::test {
namespace {

class LabeledRankTest : public OnDevice {};

constexpr Solver kSolvers[] = {Solver::capacitance, Solver::syevd, Solver::syev_batched};

// Features are multiples of 1/64, so that sums and differences of rows are exact. The ranks are those of the plan.
struct Planted : Pool {
  int64_t labeled_rank, rank;  // of L and of the pool, with the 1 of the bias

  static Planted random(uint32_t seed, int64_t labeled, int64_t unlabeled, int64_t width) {
    Planted p{Pool::random(seed, labeled, unlabeled, width), 0, 0};
    for (float& h : p.features) h = std::round(h * 64) / 64;
    p.rank = std::min(width + 1, labeled + unlabeled);
    p.labeled_rank = std::min(labeled, p.rank);
    return p;
  }
  // The last `count` labelled items repeat earlier ones.
  void copy_labeled(int64_t count) {
    const int64_t own = int64_t(labeled.size()) - count;
    for (int64_t k = 0; k < count; ++k) copy_features(labeled[own + k], labeled[k % own]);
    labeled_rank = std::min(own, rank);
  }
  // The last `count` labelled items are a + b - c of three of the first: no two rows are equal, but none spans
  // anything.
  void depend_labeled(int64_t count) {
    const int64_t own = int64_t(labeled.size()) - count;
    for (int64_t k = 0; k < count; ++k) combine(labeled[own + k], labeled, uint32_t(k), own);
    labeled_rank = std::min(own, rank);
  }
  void combine(int64_t to, const std::vector<int64_t>& of, uint32_t draw, int64_t count) {
    Draws draws(draw, Purpose::test, 7, 0);
    const int64_t a = draws.below(uint32_t(count)), b = (a + 1 + draws.below(uint32_t(count - 1))) % count;
    int64_t c = 0;
    while (c == a || c == b) ++c;
    for (int64_t d = 0; d < width; ++d)
      features[to * width + d] =
          features[of[a] * width + d] + features[of[b] * width + d] - features[of[c] * width + d];
  }

  // C times eigenvalue number min(rank(L) + G, rank) of the kernel over L and the group, and the largest.
  std::pair<double, double> oracle(std::vector<int64_t> group, int64_t known_rank) const {
    const int64_t place = std::min(known_rank + int64_t(group.size()), rank);
    group.insert(group.end(), labeled.begin(), labeled.end());
    const int64_t n = int64_t(group.size());
    const auto w = jacobi_eigenvalues(kernel(group), n);
    return {w[n - place], w[n - 1]};
  }
  // Of the rows (h,1) of L and the group, exactly: elimination over the integers modulo a prime.
  int64_t exact_rank(std::vector<int64_t> group) const {
    constexpr int64_t kPrime = 0x7fffffff;
    group.insert(group.end(), labeled.begin(), labeled.end());
    std::vector<std::vector<int64_t>> rows;
    for (int64_t item : group) {
      rows.push_back({64});
      for (int64_t d = 0; d < width; ++d)
        rows.back().push_back((int64_t(features[item * width + d] * 64) + kPrime) % kPrime);
    }
    size_t found = 0;
    for (int64_t d = 0; d <= width && found < rows.size(); ++d) {
      const auto pivot = std::find_if(rows.begin() + found, rows.end(), [&](const auto& row) { return row[d] != 0; });
      if (pivot == rows.end()) continue;
      std::swap(*pivot, rows[found]);
      const std::vector<int64_t>& own = rows[found++];
      for (size_t i = found; i < rows.size(); ++i) {  // times the pivot, so that nothing is divided
        const int64_t factor = rows[i][d];
        for (int64_t k = d; k <= width; ++k) {
          const int64_t ahead = rows[i][k] * own[d] % kPrime, behind = own[k] * factor % kPrime;
          rows[i][k] = (ahead - behind + kPrime) % kPrime;
        }
      }
    }
    return int64_t(found);
  }
  // By several solvers, of the same groups.
  void expect_scores(const std::vector<Selection>& by_solver) const {
    for (size_t k = 0; k < by_solver.front().scores.size(); ++k) {
      const auto group = candidate(by_solver.front(), int64_t(k));
      const int64_t place = std::min(labeled_rank + int64_t(group.size()), rank);
      const auto [expected, largest] = oracle(group, labeled_rank);
      const double noise = double(items + width) * 0x1p-52 * largest;
      const bool zero = exact_rank(group) < place;  // also beyond the rank: a group may add less than is missing
      EXPECT_TRUE(zero || labeled_rank + int64_t(group.size()) > rank || !degenerate(group)) << "group " << k;
      for (const Selection& s : by_solver) {
        SCOPED_TRACE(s.summary + ", group " + std::to_string(k));
        EXPECT_EQ(candidate(s, int64_t(k)), group);
        EXPECT_NEAR(s.scores[k], expected, kCertificate * expected + 4 * noise);
        EXPECT_EQ(s.scores[k] == 0, zero) << s.scores[k] << ", " << expected;
      }
    }
  }
};

TEST_P(LabeledRankTest, ScoresStandAtTheRankOfLPlusG) {
  int64_t deficient = 0, positive = 0;
  const uint32_t pools = GetParam() == "cpu" ? 240 : 12;
  for (uint32_t seed = 0; seed < pools; ++seed) {
    Draws draw(seed, Purpose::test, 5, 0);
    const int64_t group = 1 + draw.below(4), width = 3 + draw.below(14), lost = 1 + draw.below(4);
    // Around the edge where rank(L) + G is the rank of the pool, and anywhere.
    const int64_t own = std::max<int64_t>(3, seed % 2 ? width + 1 - group - 2 + draw.below(5) : 3 + draw.below(20));
    Planted p = Planted::random(seed, own + lost, 24, width);
    if (seed % 3)
      p.depend_labeled(lost);
    else
      p.copy_labeled(lost);
    p.copy_features(p.unlabeled[0], p.labeled[1]);    // a copy of L
    p.copy_features(p.unlabeled[1], p.unlabeled[2]);  // and one within U
    p.combine(p.unlabeled[3], p.labeled, seed, own);  // spanned by L, and equal to none of it
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + std::to_string(own) + " + " + std::to_string(lost) +
                 " labelled, G " + std::to_string(group) + ", D " + std::to_string(width));
    Config config{.budget = group, .group_size = group, .search = Search::given};
    config.given = p.unlabeled;
    config.given.resize(24 / group * group);
    std::vector<Selection> by_solver;
    for (const Solver solver : kSolvers) {
      config.solver = solver;
      by_solver.push_back(p.select(context, config));
      const Selection& s = by_solver.back();
      EXPECT_EQ(s.rank, p.rank);
      EXPECT_EQ(s.labeled_rank, p.labeled_rank);
      for (double score : s.scores) positive += score > 0;
      const bool said = s.summary.find("; L spans " + std::to_string(p.labeled_rank) + " of") != std::string::npos;
      const bool lacks = p.labeled_rank < std::min(own + lost, p.rank);
      EXPECT_EQ(said, lacks) << s.summary;
      deficient += lacks;
    }
    p.expect_scores(by_solver);
  }
  EXPECT_GT(deficient, pools);
  EXPECT_GT(positive, pools);
}

// The case: one equal pair in L, and every group scored 0.
TEST_P(LabeledRankTest, OnePairOfCopiesCostsNothingButItsRow) {
  Pool p = Pool::random(7, 12, 40, 30);
  p.copy_features(p.labeled[11], p.labeled[3]);
  Pool without = p;
  without.labeled.pop_back();
  for (const Search search : {Search::partition, Search::independent, Search::greedy, Search::exchange}) {
    const bool single = select::search_entry(search).has(select::SearchTrait::single_items);
    const Config config{.budget = 6, .group_size = single ? 1 : 2, .search = search};
    const Selection s = p.select(context, config), t = without.select(context, config);
    EXPECT_TRUE(std::ranges::none_of(s.scores, [](double score) { return score == 0; })) << word_of(search);
    EXPECT_GT(s.achieved, 0) << word_of(search);
    EXPECT_EQ(s.labeled_rank, 11);
    EXPECT_TRUE(s.warnings.empty()) << word_of(search) << ": " << s.warnings.front();
    // A copy doubles its row: no eigenvalue falls by it, and none more than doubles.
    for (size_t k = 0; k < s.scores.size(); ++k) {
      EXPECT_GE(s.scores[k], t.scores[k] * (1 - 1e-7));
      EXPECT_LE(s.scores[k], 2 * t.scores[k] * (1 + 1e-7));
    }
  }
}

TEST_P(LabeledRankTest, BatchesGrowFromTheRankOfLAndWhatIsChosen) {
  for (const int64_t labeled : {5, 9}) {
    Planted p = Planted::random(uint32_t(labeled), labeled, 18, 6);
    p.copy_labeled(2);
    const Selection s = p.select(context, {.budget = 4, .search = Search::greedy});
    Planted with = p;  // what is chosen joins L
    for (size_t k = 0; k < s.picks.size(); ++k) {
      double best = 0;
      for (int64_t item : p.unlabeled)
        if (std::ranges::find(with.labeled, item) == with.labeled.end())
          best = std::max(best, with.oracle({item}, with.labeled_rank).first);
      EXPECT_NEAR(s.groups[k].score, best, 2 * kCertificate * best) << k;
      with.labeled.push_back(s.picks[k]);
      with.labeled_rank = std::min(with.labeled_rank + 1, with.rank);
    }
    const double achieved = p.oracle(s.picks, p.labeled_rank).first;
    EXPECT_NEAR(s.achieved, achieved, 2 * kCertificate * achieved);
    EXPECT_GE(p.select(context, {.budget = 4, .search = Search::exchange}).achieved, s.achieved * (1 - kCertificate));
  }
}

// More picks than the pool has rows of its own: the copies come last, and those before them are chosen as ever.
TEST_P(LabeledRankTest, ForcedCopiesDoNotSwitchTheRestOff) {
  Pool p = Pool::random(5, 3, 12, 30);
  for (int64_t k = 6; k < 12; ++k) p.copy_features(p.unlabeled[k], p.unlabeled[k - 6]);
  for (const Search search : {Search::greedy, Search::exchange}) {
    const Selection s = p.select(context, {.budget = 8, .search = search});
    EXPECT_EQ(std::set<int64_t>(s.picks.begin(), s.picks.end()).size(), 8u);
    EXPECT_FALSE(p.degenerate({s.picks.begin(), s.picks.begin() + 6})) << word_of(search);
    EXPECT_GT(s.achieved, 0) << word_of(search) << ": the pool's own rank is reached without the copies";
  }
}

// What capacitance gave before the place depended on rank(L): the op alone, by |L|.
std::vector<double> by_count(Context& context, const Pool& p, const Selection& s) {
  std::vector<int64_t> labeled = p.labeled, unlabeled = p.unlabeled;
  std::ranges::sort(labeled);
  std::ranges::sort(unlabeled);
  const Tensor h = Tensor::from_host(context, {p.items, p.width}, p.features.data(), "features");
  const select::HostRows host(std::span<const float>(p.features), p.width);
  const select::LastLayerNtk ntk(context, h.view<const float, 2>(), host, labeled, unlabeled);
  const int64_t rank = ntk.rank(), known = int64_t(labeled.size()), count = int64_t(s.scores.size());
  const bool primal = known + s.group_size <= rank;
  const int64_t zeros = primal ? rank - known : 0;
  const auto kept = ntk.spectrum(labeled);
  const select::LabeledSpectrum& spectrum = *kept;
  const Tensor v = ntk.coordinates(unlabeled, &spectrum.rotation);
  std::vector<int64_t> places;
  for (int64_t item : s.candidates) places.push_back(std::ranges::lower_bound(unlabeled, item) - unlabeled.begin());
  const Tensor lambda = Tensor::from_host(context, {rank - zeros}, spectrum.lambda.data() + zeros, "lambda"),
               members = Tensor::from_host(context, {count, s.group_size}, places.data(), "members"),
               values(context, {count}, Dtype::f64, "values"), evaluations(context, {count}, Dtype::i32, "evaluations"),
               none(context, {0, 0, 0}, Dtype::f64, "none");
  capacitance(context, values.view<double, 1>(), evaluations.view<int32_t, 1>(), lambda.view<const double, 1>(),
              v.view<const double, 2>(), none.view<const double, 3>(), members.view<const int64_t, 2>(),
              CapacitanceConfig{.update = primal ? Update::primal : Update::dual,
                                .zeros = zeros,
                                .noise = double(std::max(known + s.group_size, rank)) * 0x1p-52,
                                .top = spectrum.lambda.back()});
  std::vector<double> scores = values.to_host<double>(context);
  for (double& score : scores) score = score / (ntk.scale() * ntk.scale()) * double(p.classes);
  return scores;
}

TEST_P(LabeledRankTest, FullRankKeepsEveryBit) {
  int compared = 0;
  for (const int64_t width : {4, 9, 33})
    for (int64_t labeled = 0; labeled <= width + 6; labeled += width > 9 ? 5 : 1)
      for (const int64_t group : {1, 2, 4}) {
        Pool p = Pool::random(uint32_t(1000 * width + 10 * labeled + group), labeled, 40, width);
        if (labeled % 2)
          for (int64_t i = 0; i < p.items; ++i) p.features[i * width + 1] = 0;  // a dead feature
        p.copy_features(p.unlabeled[3], p.unlabeled[4]);
        const Selection s = p.select(context, {.budget = group, .group_size = group});
        EXPECT_EQ(s.labeled_rank, std::min(labeled, s.rank));
        const std::vector<double> before = by_count(context, p, s);
        for (size_t k = 0; k < before.size(); ++k) {
          EXPECT_EQ(s.scores[k], before[k]) << width << " " << labeled << " " << group << ", group " << k;
          compared += before[k] > 0;
        }
      }
  EXPECT_GT(compared, 500);
}

// Rows of any fp64 numbers, the first `labeled` of them L.
struct Wide {
  int64_t width, labeled;
  std::vector<double> features;
  int64_t items() const { return int64_t(features.size()) / width; }
  Selection select(Context& context, Config config) const {
    std::vector<int64_t> known(labeled), others(items() - labeled);
    std::iota(known.begin(), known.end(), 0);
    std::iota(others.begin(), others.end(), labeled);
    const Tensor h = Tensor::from_host(context, {items(), width}, features.data(), "features");
    return crc::select::select(context, Problem{h.view<const double, 2>(), {}, known, others}, config);
  }
  // Singular values of (h,1) over L and the group, ascending: one-sided Jacobi in long double (Hestenes 1958), which
  // never squares a row.
  std::vector<long double> singular_values(const std::vector<int64_t>& group) const {
    std::vector<std::vector<long double>> rows;
    const auto add = [&](int64_t item) {
      rows.emplace_back(&features[item * width], &features[item * width] + width);
      rows.back().push_back(1);
    };
    for (int64_t item = 0; item < labeled; ++item) add(item);
    for (int64_t item : group) add(item);
    const auto dot = [](const auto& x, const auto& y) {
      return std::inner_product(x.begin(), x.end(), y.begin(), 0.0L);
    };
    for (int sweep = 0; sweep < 40; ++sweep)
      for (size_t p = 0; p < rows.size(); ++p)
        for (size_t q = p + 1; q < rows.size(); ++q) {
          const long double a = dot(rows[p], rows[p]), b = dot(rows[q], rows[q]), c = dot(rows[p], rows[q]);
          if (std::abs(c) <= 0x1p-62L * std::sqrt(a * b)) continue;
          const long double zeta = (b - a) / (2 * c);
          const long double t = (zeta < 0 ? -1 : 1) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
          const long double cosine = 1 / std::sqrt(1 + t * t), sine = cosine * t;
          for (size_t d = 0; d < rows[p].size(); ++d) {
            const long double x = rows[p][d], y = rows[q][d];
            rows[p][d] = cosine * x - sine * y, rows[q][d] = sine * x + cosine * y;
          }
        }
    std::vector<long double> s;
    for (const auto& row : rows) s.push_back(std::sqrt(dot(row, row)));
    std::ranges::sort(s);
    return s;
  }
};

// All items within `spread` of one point, in 24 dimensions. 25 rows are a square matrix. The direction of the 1, in
// which they differ least, is another factor of 25 below the rest: at 2e-5 it falls under the pool's tolerance (2^-40).
Wide collapsed(uint32_t seed, double spread, int64_t labeled) {
  Wide p{24, labeled, {}};
  const auto center = uniform(p.width, seed, 0.5, 1.5), draws = uniform((240 + labeled) * p.width, seed + 1);
  for (size_t k = 0; k < draws.size(); ++k)
    p.features.push_back(double(center[k % size_t(p.width)]) + spread * double(draws[k]));
  return p;
}

// What the Gram matrix rounds away and the rows still tell. Where the pool spans a dimension less than D+1, rows are
// projected on its range, which moves each singular value down, and no further than to the next (Cauchy).
TEST_P(LabeledRankTest, CollapsedFeaturesAreResolvedByTheirRows) {
  int below = 0;
  for (uint32_t seed = 1; seed <= 2; ++seed)
    for (const double spread : {1e-4, 7e-5, 2e-5}) {
      const Wide p = collapsed(seed, spread, 21);
      std::vector<Selection> by_solver;
      for (const Solver solver : kSolvers)
        by_solver.push_back(p.select(context, {.budget = 4, .group_size = 4, .solver = solver}));
      const Selection& first = by_solver.front();
      const int64_t place = std::min(first.labeled_rank + 4, first.rank);
      EXPECT_EQ(first.rank, spread > 5e-5 ? 25 : 24);
      for (size_t k = 0; k < first.scores.size(); ++k) {
        const auto w = p.singular_values(candidate(first, int64_t(k)));
        const double sigma = double(w[w.size() - size_t(place)]), top = double(w.back());
        const double least = first.rank == 25 ? sigma : double(w[w.size() - size_t(place) - 1]);
        const double gram = 25 * 0x1p-52 * top * top;
        for (const Selection& s : by_solver) {
          SCOPED_TRACE(s.summary + ", seed " + std::to_string(seed) + ", group " + std::to_string(k));
          EXPECT_EQ(s.candidates, first.candidates);
          EXPECT_GT(s.scores[k], 0);
          if (sigma * sigma < gram / 2) {
            EXPECT_LE(std::sqrt(s.scores[k]), sigma + 1e-13 * top);
            EXPECT_GE(std::sqrt(s.scores[k]), least - 1e-13 * top);
            ++below;
          } else {
            const double rounding = 1e-8 * sigma * sigma + 2 * gram;
            EXPECT_LE(s.scores[k], sigma * sigma + rounding);
            EXPECT_GE(s.scores[k], least * least - rounding);
          }
        }
      }
      for (const Selection& s : by_solver) EXPECT_GT(s.achieved, 0);
    }
  EXPECT_GT(below, 30);
}

// A pair in L at any distance: far apart it counts by its own small eigenvalue, below rounding as a copy. In between
// nothing jumps but the place, and exact copies score 0 throughout.
TEST_P(LabeledRankTest, NearCopiesAreRowsOrCopies) {
  Wide p{12, 6, {}};
  for (float h : uniform(30 * p.width, 3, 0, 2)) p.features.push_back(double(h));
  std::copy_n(&p.features[2 * p.width], p.width, &p.features[10 * p.width]);  // item 10 copies item 2
  Wide copy = p;
  std::copy_n(&p.features[1 * p.width], p.width, &copy.features[0]);
  Config config{.budget = 1, .search = Search::given};
  for (int64_t item = 6; item < 30; ++item) config.given.push_back(item);
  const Selection with_copy = copy.select(context, config);
  EXPECT_EQ(with_copy.labeled_rank, 5);
  std::set<int64_t> ranks;
  for (int exponent = 3; exponent <= 60; ++exponent) {
    Wide near = copy;
    for (int64_t d = 0; d < p.width; ++d) near.features[d] += std::ldexp(p.features[d], -exponent);
    for (const Solver solver : kSolvers) {
      config.solver = solver;
      const Selection s = near.select(context, config);
      ranks.insert(s.labeled_rank);
      for (size_t k = 0; k < s.scores.size(); ++k) {
        if (config.given[k] == 10) {
          EXPECT_EQ(s.scores[k], 0) << word_of(solver) << ", 2^-" << exponent;
          continue;
        }
        if (s.labeled_rank == 6) {
          const auto w = near.singular_values({config.given[k]});
          EXPECT_NEAR(s.scores[k], double(w[0] * w[0]),
                      1e-8 * double(w[0] * w[0]) + 8e-15 * double(w.back() * w.back()))
              << word_of(solver) << ", 2^-" << exponent;
          EXPECT_GT(s.scores[k], 0);
        } else {
          EXPECT_GT(exponent, 20);
          EXPECT_NEAR(s.scores[k], with_copy.scores[k], 1e-4 * with_copy.scores[k])
              << word_of(solver) << ", 2^-" << exponent;
        }
      }
    }
  }
  EXPECT_EQ(ranks, (std::set<int64_t>{5, 6}));
}

// Rows in the order of their entries: renumbering items changes no bit of what their singular values decide.
TEST_P(LabeledRankTest, BitsDoNotDependOnTheNumbersOfItems) {
  for (const double spread : {2e-5, 7e-5, 1.0}) {
    Wide p = collapsed(9, spread, 23);
    if (spread == 1) std::copy_n(&p.features[0], p.width, &p.features[3 * p.width]);
    Config config{.budget = 2, .group_size = 2, .search = Search::given};
    const int64_t items = p.items();
    for (int64_t item = p.labeled; item < items; ++item) config.given.push_back(item);
    const Selection before = p.select(context, config);
    Wide q = p;
    for (int64_t i = 0; i < items; ++i) {  // both lists turned round
      const int64_t to = i < p.labeled ? p.labeled - 1 - i : items + p.labeled - 1 - i;
      std::copy_n(&p.features[i * p.width], p.width, &q.features[to * p.width]);
    }
    for (int64_t& item : config.given) item = items + p.labeled - 1 - item;
    EXPECT_EQ(q.select(context, config).scores, before.scores) << spread;
  }
}

// Proposition 2 for the full kernel, with copies in L.
TEST_P(LabeledRankTest, JacobiansToo) {
  for (uint32_t seed = 0; seed < (GetParam() == "cpu" ? 40u : 6u); ++seed) {
    Planted p = Planted::random(seed, 8, 20, 5);
    p.copy_labeled(1 + seed % 3);
    p.copy_features(p.unlabeled[0], p.labeled[1]);
    for (const auto& [name, layers] : {std::pair<const char*, const char*>{"crc_full", ""}, {"crc_layers", "fc bn1"}}) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      Config config{.name = name, .budget = 2, .group_size = 2, .solver = Solver::syevd, .layers = layers};
      const Selection dense = p.select(context, config);
      config.solver = Solver::capacitance;
      const Selection s = p.select(context, config);
      EXPECT_EQ(s.labeled_rank, 7 - int64_t(seed % 3));
      for (size_t k = 0; k < s.scores.size(); ++k) {
        EXPECT_EQ(s.scores[k] == 0, p.degenerate(candidate(s, int64_t(k)))) << s.scores[k];
        EXPECT_EQ(s.scores[k] == 0, dense.scores[k] == 0);
        EXPECT_NEAR(s.scores[k], dense.scores[k], 1e-7 * dense.scores[k] + 1e-9) << k;
      }
      EXPECT_FALSE(p.degenerate(s.picks));
    }
    // Over the head alone the kernel is the closed form.
    Config config{.name = "crc", .budget = 2, .group_size = 2, .layers = "fc"};
    const Selection closed = p.select(context, config);
    config.name = "crc_layers";
    const Selection explicitly = p.select(context, config);
    for (size_t k = 0; k < closed.scores.size(); ++k)
      EXPECT_NEAR(explicitly.scores[k], closed.scores[k], 1e-8 * closed.scores[k] + 1e-9);
  }
}

TEST(LabeledRankOf, CountsAboveRounding) {
  using select::LabeledRank;
  const std::vector<double> lambda{0, 0, 1e-18, 1e-3, 1, 4};
  const LabeledRank four(lambda, 4, 6, 0x1p-50);
  EXPECT_EQ(four.rank, 3);
  EXPECT_TRUE(four.deficient);
  EXPECT_EQ(four.dropped, 1e-18);
  EXPECT_EQ(four.place(2), 5);
  EXPECT_EQ(four.place(9), 6);
  EXPECT_DOUBLE_EQ(four.leak(2), 3e-18);
  EXPECT_EQ(four.leak(4), 0);  // beyond the pool's rank nothing is left out
  const LabeledRank three(lambda, 3, 6, 0x1p-50);
  EXPECT_EQ(three.rank, 3);
  EXPECT_FALSE(three.deficient);
  EXPECT_EQ(three.leak(1), 0);
  EXPECT_EQ(LabeledRank(lambda, 0, 6, 0x1p-50).place(2), 2);
}

CRC_ON_EACH_DEVICE(LabeledRankTest);

}  // namespace
}  // namespace crc::test
