#include "crc/acquisition.h"

#include <cmath>
#include <set>

#include "tests/crc/pool.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

using ::testing::Test;

class Acquisitions : public OnDevice {};

TEST_P(Acquisitions, EveryOneSpendsExactlyTheBudgetOnUnlabeledItems) {
  const uint32_t seeds = GetParam() == "cpu" ? 1000 : 30;
  for (uint32_t seed = 0; seed < seeds; ++seed) {
    Draws draw(seed, Purpose::test, 0, 0);
    const Pool p = Pool::random(seed, draw.below(7), 1 + draw.below(30), 1 + draw.below(9), 2 + draw.below(4));
    const std::set<int64_t> unlabeled(p.unlabeled.begin(), p.unlabeled.end());
    Config config{.budget = 1 + draw.below(uint32_t(unlabeled.size())), .seed = seed, .round = draw.below(5)};
    do config.group_size = 1 + draw.below(4);
    while (config.budget % config.group_size != 0);
    if (draw.coin()) config.search = Search::independent;
    for (const auto& acquisition : select::acquisitions()) {
      SCOPED_TRACE(std::string(acquisition.name) + ", seed " + std::to_string(seed));
      config.name = acquisition.name;
      if (config.name == "batchbald" && seed >= 30) continue;  // thousands of configurations for every pick
      if (config.name == "oracle" && seed >= 60) continue;     // dozens of selections
      const Selection s = p.select(context, config);
      const std::set<int64_t> picks(s.picks.begin(), s.picks.end());
      EXPECT_EQ(s.picks.size(), size_t(config.budget));
      EXPECT_EQ(picks.size(), s.picks.size()) << "an item twice";
      EXPECT_TRUE(std::ranges::includes(unlabeled, picks)) << "an item from outside the pool";
      EXPECT_EQ(s.scores.size() * s.group_size, s.candidates.size());
      std::vector<int64_t> from_groups;
      for (const auto& g : s.groups) from_groups.insert(from_groups.end(), g.items.begin(), g.items.end());
      EXPECT_EQ(from_groups, s.picks);
      EXPECT_FALSE(s.summary.empty());
    }
  }
}

TEST_P(Acquisitions, OrderOfTheListsDoesNotMatter) {
  const Pool p = Pool::random(2, 6, 60, 9);
  Pool q = p;
  std::ranges::reverse(q.labeled);
  std::ranges::sort(q.unlabeled);
  for (const auto& acquisition : select::acquisitions()) {
    const Config config{.name = acquisition.name, .budget = 12, .group_size = 3};
    const Selection a = p.select(context, config), b = q.select(context, config);
    EXPECT_EQ(a.picks, b.picks) << acquisition.name;
    EXPECT_EQ(a.scores, b.scores) << acquisition.name;
  }
}

// A pool that tells nothing is queried as `random` would, and the selection says so.
TEST_P(Acquisitions, TiesAreDrawnBySeedAndRound) {
  Pool p = Pool::random(2, 3, 40, 4);
  std::ranges::fill(p.features, 1.f);
  std::ranges::fill(p.logits, 0.5f);
  std::ranges::fill(p.samples, 0.5f);
  std::ranges::fill(p.labels, 0);
  for (const auto& acquisition : select::acquisitions()) {
    const std::string name = acquisition.name;
    if (name == "random") continue;
    SCOPED_TRACE(name);
    for (uint32_t seed = 0; seed < 4; ++seed) {
      const Config drawn{.name = "random", .budget = 7, .seed = seed, .round = 3};
      Config config = drawn;
      config.name = name;
      const Selection s = p.select(context, config);
      std::vector<int64_t> random = p.select(context, drawn).picks;
      if (name == "oracle") std::ranges::sort(random);  // whose batches have no order
      EXPECT_EQ(s.picks, random);
      ASSERT_EQ(s.warnings.size(), 1u);
      EXPECT_NE(s.warnings[0].find("picks are drawn at random (seed " + std::to_string(seed) + ", round 3) among "),
                std::string::npos)
          << s.warnings[0];
    }
  }
}

TEST_P(Acquisitions, FewTiesAreNoWarning) {
  Pool p = Pool::random(2, 3, 40, 4);
  p.copy_features(p.unlabeled[1], p.unlabeled[0]);
  std::copy_n(&p.logits[p.unlabeled[0] * 3], 3, &p.logits[p.unlabeled[1] * 3]);
  for (const auto& acquisition : select::acquisitions())
    EXPECT_TRUE(p.select(context, {.name = acquisition.name, .budget = 7}).warnings.empty() ||
                acquisition.name == std::string("alfamix"))  // draws what its candidates leave
        << acquisition.name;
}

TEST_P(Acquisitions, UncertaintiesEqualTheirEquations) {
  const Pool p = Pool::random(7, 2, 50, 3, 5);
  const auto measure = [&](const std::string& name, int64_t item) {
    std::vector<double> z(5);
    double total = 0;
    for (int c = 0; c < 5; ++c) total += z[c] = std::exp(double(p.logits[item * 5 + c]));
    double entropy = 0;
    for (double& v : z) v /= total, entropy -= v * std::log(v);
    std::ranges::sort(z);
    return name == "entropy" ? entropy : name == "confidence" ? -z[4] : z[3] - z[4];
  };
  for (const char* name : {"entropy", "confidence", "margin"}) {
    std::vector<int64_t> expected = p.unlabeled;
    std::ranges::sort(expected, std::greater<>(), [&](int64_t item) { return measure(name, item); });
    expected.resize(10);
    const Selection s = p.select(context, {.name = name, .budget = 10});
    EXPECT_EQ(s.picks, expected) << name;
    for (const auto& g : s.groups) EXPECT_NEAR(g.score, measure(name, g.items[0]), 1e-12) << name;
  }
}

TEST_P(Acquisitions, LargeLogitsDoNotOverflow) {
  Pool p = Pool::random(7, 2, 20, 3, 4);
  for (float& v : p.logits) v *= 1e30f;
  for (const char* name : {"entropy", "confidence", "margin", "egl", "egl_last", "badge"})
    for (double score : p.select(context, {.name = name, .budget = 3}).scores) EXPECT_TRUE(std::isfinite(score));
}

// fp64 arrays of any size give what the same arrays of ordinary size give, or an error that names an item.
TEST_P(Acquisitions, WideArraysKeepTheirPicks) {
  const Pool p = Pool::random(7, 3, 30, 5, 4);
  const auto select_scaled = [&](const std::string& name, double factor, double offset) {
    std::vector<double> features(p.features.begin(), p.features.end()), logits(p.logits.begin(), p.logits.end());
    for (double& h : features) h *= factor;
    for (double& f : logits) f += offset;
    const Tensor h = Tensor::from_host(context, {p.items, p.width}, features.data(), "features"),
                 f = Tensor::from_host(context, {p.items, p.classes}, logits.data(), "logits");
    return crc::select::select(
        context, Problem{h.view<const double, 2>(), f.view<const double, 2>(), p.labeled, p.unlabeled, p.classes},
        {.name = name, .budget = 5, .seed = 4});
  };
  for (const char* name : {"coreset", "badge"})
    for (const int exponent : {-400, -200, -130, 0, 126, 127, 128, 200, 400}) {
      const Selection base = p.select(context, {.name = name, .budget = 5, .seed = 4}),
                      s = select_scaled(name, std::ldexp(1.0, exponent), 0);
      EXPECT_EQ(s.picks, base.picks) << name << " 2^" << exponent;
      for (size_t k = 0; k < s.groups.size(); ++k)
        EXPECT_EQ(s.groups[k].score, std::ldexp(base.groups[k].score, 2 * exponent)) << name << " 2^" << exponent;
    }
  for (const char* name : {"entropy", "confidence", "margin", "badge", "egl_last"})
    for (const double offset : {0.0, 1e5, 1e9, -1e12}) {
      const Selection base = p.select(context, {.name = name, .budget = 5, .seed = 4});
      const Selection s = select_scaled(name, 1, offset);
      if (std::abs(offset) < 1e10) {
        EXPECT_EQ(s.picks, base.picks) << name << " offset " << offset;
      }
      for (size_t k = 0; k < s.scores.size(); ++k)
        EXPECT_NEAR(s.scores[k], base.scores[k], 1e-15 * (1 + std::abs(offset)) * (1 + std::abs(base.scores[k])) * 10);
    }
  for (const char* name : {"coreset", "badge", "egl_last", "crc"}) {
    const std::string refused = error_of(ExitCode::numerical, [&] { select_scaled(name, 1e200, 0); });
    EXPECT_NE(refused.find("acquisition \"" + std::string(name) + "\": the score of item "), std::string::npos)
        << refused;
    EXPECT_NE(refused.find("divide all features by one number"), std::string::npos) << refused;
  }
  // 1e60 and 1e140 are ordinary numbers of fp64.
  EXPECT_EQ(select_scaled("crc", 0x1p200, 0).picks, select_scaled("crc", 0x1p260, 0).picks);
  for (double score : select_scaled("egl_last", 1e140, 0).scores) EXPECT_TRUE(std::isfinite(score));
}

TEST_P(Acquisitions, RandomIsUniformAndFollowsSeedAndRound) {
  const Pool p = Pool::random(3, 2, 20, 1);
  std::vector<int64_t> picked(p.items);
  const int64_t rounds = GetParam() == "cpu" ? 4000 : 400;
  for (int64_t round = 0; round < rounds; ++round)
    for (int64_t item : p.select(context, {.name = "random", .budget = 5, .round = round}).picks) ++picked[item];
  for (int64_t item : p.unlabeled)
    EXPECT_NEAR(double(picked[item]), 0.25 * rounds, 5 * std::sqrt(rounds * 0.25 * 0.75));
  const auto picks = [&](uint32_t seed) {
    return p.select(context, {.name = "random", .budget = 5, .seed = seed}).picks;
  };
  EXPECT_EQ(picks(1), picks(1));
  EXPECT_NE(picks(1), picks(2));
}

TEST_P(Acquisitions, ErrorsSayWhatAndWhatToDo) {
  const Pool p = Pool::random(1, 3, 10, 4);
  const auto message = [&](Pool pool, Config config, ExitCode code = ExitCode::config) {
    return error_of(code, [&] { pool.select(context, config); });
  };
  const std::string unknown =
      "acquisition \"crcc\" is not known; use one of random, entropy, confidence, margin, bald, batchbald, galaxy, "
      "egl, egl_last, badge, bait, coreset, kmeans, typiclust, probcover, dcom, maxherding, uherding, "
      "facility_location, rdss, dropquery, alfamix, oracle, crc, crc_layers, crc_full";
  // What another test of this process registered comes after ours.
  EXPECT_EQ(message(p, {.name = "crcc", .budget = 1}).substr(0, unknown.size()), unknown);
  EXPECT_EQ(message(p, {.budget = 11}), "budget 11 with 10 unlabeled items; choose a budget from 1 to 10");
  EXPECT_EQ(message(p, {.budget = 0}), "budget 0 with 10 unlabeled items; choose a budget from 1 to 10");
  EXPECT_EQ(message(p, {.budget = 10, .group_size = 4}),
            "group size 4 does not divide the budget 10; choose a divisor, e.g. 2");
  EXPECT_EQ(message(p, {.budget = 4, .group_size = 2, .search = Search::independent, .candidates = 1}),
            "candidates 1 are fewer than the 2 groups to pick; draw at least as many");

  const int64_t u = p.unlabeled[0], v = p.unlabeled[1], l = p.labeled[0];
  const auto id = [](int64_t item) { return std::to_string(item); };
  EXPECT_EQ(message(p, {.budget = 2, .group_size = 2, .search = Search::given, .given = {u, v, v}}),
            "search \"given\": 3 item ids are not a positive number of groups of 2");
  EXPECT_EQ(message(p, {.budget = 2, .group_size = 2, .search = Search::given, .given = {u, u}}),
            "candidate group 0 holds item " + id(u) + " twice");
  EXPECT_EQ(message(p, {.budget = 1, .search = Search::given, .given = {u, l}}),
            "candidate group 1: item " + id(l) + " is not in the unlabeled list");
  EXPECT_EQ(message(p, {.budget = 2, .search = Search::given, .given = {u, u}}),
            "only 1 of the 2 groups that the budget 2 needs are disjoint among the 2 given; give more");

  Pool q = p;
  q.unlabeled.push_back(u);
  EXPECT_EQ(message(q, {.budget = 1}), "item " + id(u) + " is twice in the unlabeled list; list every item once");
  q = p;
  q.unlabeled.push_back(l);
  EXPECT_EQ(message(q, {.budget = 1}), "item " + id(l) + " is both labeled and unlabeled; remove it from one list");
  q = p;
  q.unlabeled.push_back(15);
  EXPECT_EQ(message(q, {.budget = 1}),
            "item 15 of the unlabeled list is outside 'features', which has 15 rows; item ids are row numbers from 0");
}

TEST_P(Acquisitions, NotFiniteInputsNameTheItem) {
  for (float bad : {NAN, INFINITY, -INFINITY}) {
    Pool p = Pool::random(1, 3, 10, 4);
    const int64_t item = p.unlabeled[5];
    const auto message = [&](const char* name) {
      return error_of(ExitCode::numerical, [&] { p.select(context, {.name = name, .budget = 2}); });
    };
    p.features[item * p.width + 2] = bad;
    for (const char* name : {"crc", "crc_full", "badge", "coreset", "egl_last"})
      EXPECT_NE(message(name).find("features of item " + std::to_string(item) + " are not finite: column 2"),
                std::string::npos);
    p.logits[item * p.classes + 1] = bad;
    for (const char* name : {"entropy", "confidence", "margin", "egl"})
      EXPECT_NE(message(name).find("logits of item " + std::to_string(item) + " are not finite: column 1"),
                std::string::npos);
    // Outside the pool it does not matter.
    Pool q = Pool::random(1, 3, 10, 4);
    for (int64_t i = 0; i < q.items; ++i)
      if (std::ranges::find(q.labeled, i) == q.labeled.end() && std::ranges::find(q.unlabeled, i) == q.unlabeled.end())
        q.features[i * q.width] = bad;
    EXPECT_EQ(q.select(context, {.budget = 2}).picks.size(), 2u);
  }
}

TEST_P(Acquisitions, MissingArraysAreNamed) {
  const std::vector<int64_t> unlabeled{0, 1, 2};
  const Problem problem{.features = {}, .logits = {}, .labeled = {}, .unlabeled = unlabeled};
  const auto message = [&](const char* name) {
    return error_of(ExitCode::config, [&] { crc::select::select(context, problem, {.name = name, .budget = 1}); });
  };
  EXPECT_EQ(message("crc"), "acquisition \"crc\" needs features, and none were given");
  EXPECT_EQ(message("coreset"), "acquisition \"coreset\" needs features, and none were given");
  EXPECT_EQ(message("badge"), "acquisition \"badge\" needs features, and none were given");
  // What a request alone tells comes before what its arrays do.
  EXPECT_EQ(message("egl"), "acquisition \"egl\" needs the network's Jacobians, and none were given");
  EXPECT_EQ(message("crc_full"), "acquisition \"crc_full\" needs the network's Jacobians, and none were given");
  EXPECT_EQ(message("margin"), "acquisition \"margin\" needs logits, and none were given");
  EXPECT_EQ(crc::select::select(context, problem, {.name = "random", .budget = 3}).picks.size(), 3u);
  const Pool pool = Pool::random(1, 3, 10, 4);
  const Pool::Network network(pool);
  Problem no_logits = problem;
  no_logits.classes = pool.classes, no_logits.jacobians = &network;
  EXPECT_EQ(error_of(ExitCode::config, [&] { crc::select::select(context, no_logits, {.name = "egl", .budget = 1}); }),
            "acquisition \"egl\" needs logits, and none were given");
}

CRC_ON_EACH_DEVICE(Acquisitions);

}  // namespace
}  // namespace crc::test
