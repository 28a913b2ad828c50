// Weights of items, quotas of parts, and what picks stand for: against what the words say, pool by pool.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "crc/pool_rows.h"
#include "crc/quotas.h"
#include "crc/represents.h"
#include "tests/crc/pool.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

using select::Trait;

struct Case {
  Pool pool;
  Config config;
};

Case random_case(uint32_t seed, const std::string& name) {
  const auto draw = [&](int64_t k, uint32_t below) {
    return int64_t(Draws(seed, Purpose::test, 900 + k, 0).below(below));
  };
  Pool pool = Pool::random(seed, draw(0, 6), 12 + draw(1, 30), 2 + draw(2, 5));
  if (seed % 4 == 1)
    for (int64_t i = 3; i < pool.items; i += 3) pool.copy_features(i, i - 3);
  Config config{.name = name, .budget = 1 + draw(3, 8), .radius = 0.4, .seed = seed, .round = seed % 3};
  const auto parts = uint32_t(2 + draw(4, 4));
  for (int64_t i = 0; i < pool.items; ++i) config.parts.push_back(int32_t(draw(10 + i, parts)));
  config.quota = 1 + draw(5, 3);
  return {std::move(pool), std::move(config)};
}

std::map<int32_t, int64_t> counts_of(const std::vector<int64_t>& items, const Config& config) {
  std::map<int32_t, int64_t> counts;
  for (int64_t item : items) ++counts[config.parts[size_t(item)]];
  return counts;
}

// What the quotas allow in all.
int64_t most_picks(const Case& c) {
  int64_t most = 0;
  for (const auto& [part, count] : counts_of(c.pool.unlabeled, c.config)) most += std::min(count, c.config.quota);
  return most;
}

class Diversity : public OnDevice {};

TEST_P(Diversity, NoPartHoldsMoreThanItsQuotaAndThePicksBeginAsWithoutOne) {
  for (const select::Acquisition& a : select::acquisitions()) {
    if (!a.has(Trait::quotas) || a.has(Trait::jacobians)) continue;
    for (uint32_t seed = 0; seed < (GetParam() == "cpu" ? 40 : 8); ++seed) {
      Case c = random_case(seed, a.name);
      const std::string at = std::string(a.name) + " " + std::to_string(seed);
      if (most_picks(c) < c.config.budget) {
        EXPECT_NE(error_of(ExitCode::config, [&] { c.pool.select(context, c.config); }).find("raise the quota"),
                  std::string::npos);
        continue;
      }
      const Selection s = c.pool.select(context, c.config);
      EXPECT_EQ(std::set(s.picks.begin(), s.picks.end()).size(), size_t(c.config.budget)) << at;
      for (const auto& [part, count] : counts_of(s.picks, c.config)) EXPECT_LE(count, c.config.quota) << at;
      Config free = c.config;
      free.parts.clear();
      const Selection all = c.pool.select(context, free);
      std::vector<int64_t> until;
      for (int64_t item : all.picks) {
        until.push_back(item);
        if (counts_of(until, c.config)[c.config.parts[size_t(item)]] > c.config.quota) break;
        EXPECT_EQ(s.picks[until.size() - 1], item) << at;
      }
      c.config.quota = c.pool.items;  // as good as none
      EXPECT_EQ(c.pool.select(context, c.config).picks, all.picks) << at;
    }
  }
}

// What ranks skips, and k-center given its picks takes the farthest of what is open.
TEST_P(Diversity, QuotasLeaveTheBestOfWhatIsOpen) {
  for (const char* name : {"margin", "coreset", "random"})
    for (uint32_t seed = 0; seed < 40; ++seed) {
      const Case c = random_case(seed, name);
      if (most_picks(c) < c.config.budget || c.pool.labeled.empty()) continue;
      std::vector<int64_t> picks;
      Pool open = c.pool;
      while (int64_t(picks.size()) < c.config.budget) {
        Config one{.name = name, .budget = 1, .seed = seed, .round = c.config.round};
        const int64_t item = open.select(context, one).picks[0];
        picks.push_back(item);
        open.labeled.push_back(item);
        auto counts = counts_of(picks, c.config);
        std::erase_if(open.unlabeled, [&](int64_t other) {
          return other == item || counts[c.config.parts[size_t(other)]] >= c.config.quota;
        });
      }
      EXPECT_EQ(c.pool.select(context, c.config).picks, picks) << name << " " << seed;
    }
}

// Features of unit length, kernels as the paper has them; with quotas and weights every pick is the best that is open.
TEST_P(Diversity, HerdingIsGreedyUnderWeightsAndQuotas) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    Case c = random_case(seed, "maxherding");
    if (most_picks(c) < c.config.budget) continue;
    c.config.radius = 1;
    for (int64_t i = 0; i < c.pool.items; ++i) c.pool.weights.push_back(double((i * 7 + seed) % 4));
    const auto kernel = [&](int64_t a, int64_t b) {
      const float *x = &c.pool.features[size_t(a * c.pool.width)], *y = &c.pool.features[size_t(b * c.pool.width)];
      long double xx = 0, yy = 0, xy = 0;
      for (int64_t d = 0; d < c.pool.width; ++d)
        xx += (long double)x[d] * x[d], yy += (long double)y[d] * y[d], xy += (long double)x[d] * y[d];
      return std::exp(-(2 - 2 * xy / std::sqrt(xx * yy)));
    };
    std::vector<int64_t> all = c.pool.labeled, chosen = c.pool.labeled, picks;
    all.insert(all.end(), c.pool.unlabeled.begin(), c.pool.unlabeled.end());
    const auto gain = [&](int64_t x) {
      long double total = 0;
      for (int64_t j : all) {
        long double now = 0;
        for (int64_t s : chosen) now = std::max(now, kernel(j, s));
        total += c.pool.weights[size_t(j)] * std::max(0.0L, kernel(j, x) - now);
      }
      return total;
    };
    for (int64_t item : c.pool.select(context, c.config).picks) {
      long double best = 0;
      auto counts = counts_of(picks, c.config);
      for (int64_t x : c.pool.unlabeled)
        if (!std::ranges::count(picks, x) && counts[c.config.parts[size_t(x)]] < c.config.quota)
          best = std::max(best, gain(x));
      EXPECT_GE(gain(item), best - 1e-5L) << seed;
      picks.push_back(item), chosen.push_back(item);
    }
  }
}

TEST_P(Diversity, WeightsMultiplyWhatIsUncertain) {
  for (const char* name : {"entropy", "confidence", "margin", "egl_last"}) {
    for (uint32_t seed = 0; seed < 20; ++seed) {
      Case c = random_case(seed, name);
      c.config.parts.clear();
      const std::vector<double> plain = c.pool.select(context, c.config).scores;
      c.pool.weights.assign(size_t(c.pool.items), 1);
      const Selection ones = c.pool.select(context, c.config);
      for (size_t k = 0; k < plain.size(); ++k) {
        const double certain = std::string(name) == "confidence" || std::string(name) == "margin" ? -1 : 0;
        EXPECT_NEAR(ones.scores[k], plain[k] - certain, 1e-12);
        EXPECT_GE(ones.scores[k], 0);
      }
      for (int64_t i = 0; i < c.pool.items; ++i) c.pool.weights[size_t(i)] = double((i * 5 + seed) % 3);
      const Selection weighted = c.pool.select(context, c.config);
      for (size_t k = 0; k < plain.size(); ++k)
        EXPECT_EQ(weighted.scores[k], ones.scores[k] * c.pool.weights[size_t(weighted.candidates[k])]);
      EXPECT_TRUE(std::ranges::is_sorted(weighted.groups, std::greater<>(), &select::Group::score));
    }
  }
}

TEST_P(Diversity, WhatDoesNotFitIsNamed) {
  const Case c = random_case(3, "margin");
  const auto refused = [&](auto&& change, const std::string& words) {
    Config config = c.config;
    config.budget = 1;
    change(config);
    const std::string said = error_of(ExitCode::config, [&] { c.pool.select(context, config); });
    EXPECT_NE(said.find(words), std::string::npos) << said;
  };
  refused([](Config& k) { k.parts.pop_back(); }, "one for each is needed");
  refused([](Config& k) { k.quota = 0; }, "a quota of 0 picks");
  refused([&](Config& k) { k.parts[size_t(c.pool.unlabeled[0])] = -1; }, "is in no part of the pool");
  refused([](Config& k) { k.name = "crc"; },
          "acquisition \"crc\" takes no quotas of classes or clusters; these do: random,");
  Pool weighted = c.pool;
  const auto refused_weights = [&](const char* name, std::vector<double> weights, const std::string& words) {
    weighted.weights = std::move(weights);
    const std::string said = error_of(ExitCode::config, [&] { weighted.select(context, {.name = name, .budget = 1}); });
    EXPECT_NE(said.find(words), std::string::npos) << said;
  };
  const size_t items = size_t(c.pool.items);
  refused_weights("margin", {1}, "has no weight: 1 are given");
  refused_weights("margin", std::vector<double>(items, -1), "has weight -1; weights are");
  refused_weights("margin", std::vector<double>(items, NAN), "has weight nan");
  refused_weights("kmeans", std::vector<double>(items, 1),
                  "acquisition \"kmeans\" takes no weights of items; these do: entropy");
}

TEST_P(Diversity, EveryItemBelongsToTheNearest) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    Case c = random_case(seed, "random");
    c.config.parts.clear();
    const Tensor h = Tensor::from_host(context, {c.pool.items, c.pool.width}, c.pool.features.data(), "features");
    const std::vector<int64_t> picks = c.pool.select(context, c.config).picks;
    Problem problem{.features = h.view<const float, 2>(), .logits = {}, .labeled = {}, .unlabeled = {}};
    std::vector<int64_t> labeled = c.pool.labeled, unlabeled = c.pool.unlabeled;
    std::ranges::sort(labeled), std::ranges::sort(unlabeled);
    problem.labeled = labeled, problem.unlabeled = unlabeled;
    const select::Represented r = select::represent(context, problem, c.config, picks);
    ASSERT_EQ(r.items.size(), labeled.size() + unlabeled.size());
    const auto distance = [&](int64_t a, int64_t b) {
      double total = 0;
      for (int64_t d = 0; d < c.pool.width; ++d)
        total += std::pow(double(c.pool.features[size_t(a * c.pool.width + d)]) -
                              double(c.pool.features[size_t(b * c.pool.width + d)]),
                          2);
      return std::sqrt(total);
    };
    for (size_t k = 0; k < r.items.size(); ++k) {
      double before = INFINITY, least = INFINITY;
      for (int64_t l : labeled) before = std::min(before, distance(r.items[k], l));
      for (int64_t p : picks) least = std::min(least, distance(r.items[k], p));
      least = std::min(least, before);
      EXPECT_NEAR(r.distances[k], least, 1e-6);
      EXPECT_NEAR(distance(r.items[k], r.by[k]), least, 1e-6);
      if (labeled.empty()) {
        EXPECT_TRUE(std::isinf(r.before[k]));
      } else {
        EXPECT_NEAR(r.before[k], before, 1e-6);
      }
      if (std::ranges::count(labeled, r.items[k]) + std::ranges::count(picks, r.items[k])) {
        EXPECT_EQ(r.by[k], r.items[k]);
      }
    }
    int64_t total = 0;
    for (const auto& [item, standing] : select::standings(r)) {
      total += standing.items;
      EXPECT_LE(standing.mean, standing.largest + 1e-12);
    }
    EXPECT_EQ(total, int64_t(r.items.size()));
  }
}

// A pool of everything is where it was; one of fp64 is converted once; part of it moves together. All are the same rows.
TEST_P(Diversity, RowsOfAPoolAreTheSameHoweverTheyAreHeld) {
  const Pool p = Pool::random(5, 3, 20, 4);
  const Tensor h = Tensor::from_host(context, {p.items, p.width}, p.features.data(), "features");
  const float* narrow_data = h.view<float, 2>().data;
  const std::vector<double> wide(p.features.begin(), p.features.end());
  const Tensor h64 = Tensor::from_host(context, {p.items, p.width}, wide.data(), "features");
  std::vector<int64_t> all(size_t(p.items)), some;
  std::iota(all.begin(), all.end(), 0);
  for (int64_t i = 1; i < p.items; i += 2) some.push_back(i);
  const std::vector<int64_t> none;
  for (const auto& list : {all, some})
    for (const select::Scaling scaling : {select::Scaling::none, select::Scaling::unit}) {
      Problem narrow{.features = h.view<const float, 2>(), .logits = {}, .labeled = none, .unlabeled = list};
      Problem doubled = narrow;
      doubled.features = h64.view<const double, 2>();
      const select::PoolRows a(context, narrow, {}, scaling), b(context, doubled, {}, scaling);
      for (int64_t k = 0; k < a.count(); ++k) {
        EXPECT_TRUE(std::ranges::equal(a.host(k), b.host(k)));
        if (scaling == select::Scaling::none) {
          EXPECT_TRUE(std::ranges::equal(
              a.host(k), std::span(p.features).subspan(size_t(list[size_t(k)] * p.width), size_t(p.width))));
        }
      }
      for (const select::PoolRows* pool : {&a, &b}) {
        std::vector<float> on_device(size_t(a.count() * p.width));
        context.copy_out(on_device.data(), pool->rows());
        for (int64_t k = 0; k < a.count(); ++k)
          EXPECT_TRUE(
              std::ranges::equal(std::span(on_device).subspan(size_t(k * p.width), size_t(p.width)), pool->host(k)));
      }
      // Those of a device that are wanted as they are stay where they are.
      EXPECT_EQ(a.rows().data == narrow_data, list.size() == all.size() && scaling == select::Scaling::none);
    }
}

TEST_P(Diversity, LongWorkIsReportedAndMayBeEnded) {
  struct Enough {};
  const Pool p = Pool::random(6, 4, 60, 5);
  for (const char* name : {"kmeans", "typiclust", "probcover", "maxherding", "facility_location", "rdss", "coreset",
                           "badge", "crc", "bait"}) {
    Config config{.name = name, .budget = 5};
    int64_t reports = 0;
    config.progress = [&](const char* what, int64_t done, int64_t total) {
      ++reports;
      EXPECT_NE(std::string(what), "");
      EXPECT_GE(done, 0);
      EXPECT_GT(total, 0);
    };
    const std::vector<int64_t> picks = p.select(context, config).picks;
    EXPECT_GE(reports, std::string_view(name) == "crc" ? 2 : 5) << name;  // groups are scored many at a time
    config.progress = [&](const char*, int64_t, int64_t) {
      if (--reports == 1) throw Enough();
    };
    EXPECT_THROW(p.select(context, config), Enough) << name;
    config.progress = {};
    EXPECT_EQ(p.select(context, config).picks, picks) << name;
  }
}

CRC_ON_EACH_DEVICE(Diversity);

}  // namespace
}  // namespace crc::test
