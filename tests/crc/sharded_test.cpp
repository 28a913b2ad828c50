// A pool in several processes: the same selection, bit for bit, as in one. Processes are threads joined by sockets
// (tests/apps/ranks/together.h); CRC_SHARD_CASES says how many random cases there are.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>

#include "crc/checkpoint.h"
#include "crc/query.h"
#include "kernels/core/random.h"
#include "tests/apps/ranks/together.h"

namespace crc::test {
namespace {

using crc_active::Array;
using crc_active::Type;
using select::Chosen;
using select::Config;
using select::QueryOptions;

uint16_t half_of(float x) {  // multiples of 1/64 below 4: exact
  if (x == 0) return 0;
  const auto bits = std::bit_cast<uint32_t>(x);
  return uint16_t((bits >> 16 & 0x8000) | ((((bits >> 23) & 0xff) - 112) << 10) | (bits >> 13 & 0x3ff));
}

// One array of numbers in several files of rows, each of a type and an order of its own.
struct Files {
  std::vector<std::unique_ptr<char[]>> memory;
  std::vector<Array> arrays;

  void add(const float* values, int64_t rows, int64_t width, Type type, bool fortran) {
    const int64_t bytes = type == Type::f64 ? 8 : type == Type::f32 ? 4 : 2;
    memory.push_back(std::make_unique<char[]>(size_t(rows * width * bytes)));
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t d = 0; d < width; ++d) {
        char* at = memory.back().get() + (fortran ? d * rows + i : i * width + d) * bytes;
        const float x = values[i * width + d];
        if (type == Type::f64) *reinterpret_cast<double*>(at) = double(x);
        if (type == Type::f32) *reinterpret_cast<float*>(at) = x;
        if (type == Type::f16) *reinterpret_cast<uint16_t*>(at) = half_of(x);
      }
    arrays.push_back({.data = memory.back().get(), .type = type, .shape = {rows, width}});
    if (fortran) arrays.back().strides = {1, rows};
  }
};

struct Case {
  Draws draws;
  int64_t items, width, classes;
  Files features, logits;
  std::vector<int64_t> labeled, unlabeled, cuts;
  std::vector<int32_t> labels;
  std::vector<double> weights, class_weights;
  bool listed = false;
  QueryOptions options;
  int ranks;
  std::string words;

  int64_t below(int64_t n) { return int64_t(draws.below(uint32_t(n))); }
  template <class T> T one_of(std::initializer_list<T> values) { return values.begin()[below(int64_t(values.size()))]; }

  explicit Case(uint32_t seed, const std::vector<std::string>& names) : draws(seed, Purpose::test, 77, 0) {
    Config& config = options.config;
    config.name = names[size_t(below(int64_t(names.size())))];
    const select::Acquisition& acquisition = select::find_acquisition(config.name);
    items = 12 + below(90), width = 1 + below(12), classes = 2 + below(4);
    if (looks_at_pairs(acquisition) && below(3) == 0)  // of several chunks of columns
      items = 700 + below(1200), width = 1 + below(3);
    std::vector<float> h = values(items * width), f = values(items * classes);
    for (int64_t copies = below(6); copies > 0; --copies) {
      const int64_t from = below(items), to = below(items);
      std::copy_n(h.begin() + from * width, width, h.begin() + to * width);
    }
    if (below(3) == 0)  // a constant column, or a copy of another: the rank is less than D+1
      for (int64_t i = 0, d = below(width); i < items; ++i)
        h[size_t(i * width)] = d == 0 ? 0.5f : h[size_t(i * width + d)];
    split(features, h, width), split(logits, f, classes);
    for (int64_t item = 0; item < items; ++item) {
      const int64_t where = below(6);
      if (where == 0)
        labeled.push_back(item);
      else if (where > 1 || item < 8)
        unlabeled.push_back(item);
    }
    if (below(4) == 0) labeled.clear();
    listed = below(2) == 0;
    if (!listed) {
      unlabeled.clear();
      for (int64_t item = 0; item < items; ++item)
        if (!std::ranges::binary_search(labeled, item)) unlabeled.push_back(item);
    }
    config.seed = uint32_t(below(1000)), config.round = below(3);
    const int64_t groups = 1 + below(3);
    if (select::scores_groups(config.name)) {
      config.search = one_of({select::Search::partition, select::Search::partition, select::Search::independent,
                              select::Search::greedy, select::Search::exchange});
      const bool single = config.search == select::Search::greedy || config.search == select::Search::exchange;
      config.group_size = single ? 1 : 1 + below(std::min<int64_t>(6, int64_t(unlabeled.size()) / groups));
      config.solver = one_of({select::Solver::capacitance, select::Solver::capacitance, select::Solver::syevd,
                              select::Solver::syev_batched, select::Solver::fp32_positive});
      if (config.search == select::Search::independent && below(2) == 0) config.candidates = 20 + below(200);
    }
    config.budget = config.group_size * groups;
    if (looks_at_pairs(acquisition)) config.budget = 1 + below(std::min<int64_t>(9, int64_t(unlabeled.size())));
    if (acquisition.has(select::Trait::radius)) config.radius = one_of({0.0, 0.0, 0.2, 1.0});
    if (acquisition.has(select::Trait::labels))
      for (size_t k = 0; k < labeled.size(); ++k) labels.push_back(int32_t(below(classes)));
    if (acquisition.has(select::Trait::partitions) && below(4) == 0) config.partitions = 1 + below(4);
    if (acquisition.has(select::Trait::weights) && below(4) == 0)
      for (int64_t c = 0; c < classes; ++c) class_weights.push_back(double(1 + below(3)));
    if (acquisition.has(select::Trait::quotas) && config.partitions == 1 && below(4) == 0) {
      options.quota = std::max<int64_t>(1, config.budget);
      if (below(2) == 0) options.per_cluster = 1 + below(4);
    }
    options.represents = below(3) == 0;
    options.block_bytes = one_of<int64_t>({1, 200, 3000, 16 << 20});
    ranks = one_of({1, 2, 3, 4, 7});
    for (int r = 1; r < ranks; ++r) cuts.push_back(below(items + 1));  // some have none
    cuts.push_back(0), cuts.push_back(items);
    std::ranges::sort(cuts);
    words = "seed " + std::to_string(seed) + ": " + config.name + ", " + std::string(word_of(config.search)) + ", " +
            std::string(word_of(config.solver)) + ", " + std::to_string(items) + " x " + std::to_string(width) +
            ", L " + std::to_string(labeled.size()) + ", Q " + std::to_string(config.budget) + ", G " +
            std::to_string(config.group_size) + ", " + std::to_string(ranks) + " ranks";
  }

  static bool looks_at_pairs(const select::Acquisition& acquisition) {
    const std::string name = acquisition.name;
    return acquisition.has(select::Trait::partitions) || name == "rdss" || name == "dcom" || name == "typiclust";
  }
  std::vector<float> values(int64_t count) {
    const uint32_t levels = one_of<uint32_t>({2, 8, 128, 128});  // few: ties and copies
    std::vector<float> v;
    for (int64_t k = 0; k < count; ++k) v.push_back(float(draws.below(levels)) / 64 - (levels == 8 ? 0.0625f : 0));
    return v;
  }
  void split(Files& files, const std::vector<float>& v, int64_t columns) {
    const bool mixed = below(2) == 0;
    const Type type = one_of({Type::f16, Type::f32, Type::f64});
    for (int64_t begin = 0; begin < items;) {
      const int64_t rows = 1 + below(items - begin);
      files.add(v.data() + begin * columns, rows, columns, mixed ? one_of({Type::f16, Type::f32, Type::f64}) : type,
                below(3) == 0);
      begin += rows;
    }
  }

  Chosen choose(Ranks* together, select::Checkpoint* checkpoint = nullptr, select::Progress progress = {}) const {
    crc_active::Problem problem{.features = features.arrays, .logits = logits.arrays, .labeled = labeled};
    if (listed) problem.unlabeled = unlabeled;
    problem.labels = labels;
    problem.class_weights = class_weights;
    QueryOptions own = options;
    own.ranks = together;
    if (together && together->size() + 1 == int(cuts.size())) own.cuts = cuts;
    own.config.checkpoint = checkpoint, own.config.progress = std::move(progress);
    select::Query query(problem, own);
    query.take(problem);
    Context context = Context::cpu(1);
    query.load(context);
    return query.choose(context);
  }
};

void expect_equal(const Chosen& a, const Chosen& b, const std::string& words) {
  const select::Selection &x = a.selection, &y = b.selection;
  EXPECT_EQ(x.picks, y.picks) << words;
  EXPECT_EQ(x.scores, y.scores) << words;
  EXPECT_EQ(x.candidates, y.candidates) << words;
  ASSERT_EQ(x.groups.size(), y.groups.size()) << words;
  for (size_t k = 0; k < x.groups.size(); ++k) {
    EXPECT_EQ(x.groups[k].items, y.groups[k].items) << words;
    EXPECT_EQ(x.groups[k].score, y.groups[k].score) << words;
  }
  EXPECT_EQ(x.summary, y.summary) << words;
  EXPECT_EQ(x.warnings, y.warnings) << words;
  EXPECT_EQ(x.achieved, y.achieved) << words;
  EXPECT_EQ(x.noise_floor, y.noise_floor) << words;
  EXPECT_EQ(x.duplicates, y.duplicates) << words;
  EXPECT_EQ(a.outlook, b.outlook) << words;
  EXPECT_EQ(a.represented.items, b.represented.items) << words;
  EXPECT_EQ(a.represented.by, b.represented.by) << words;
  EXPECT_EQ(a.represented.distances, b.represented.distances) << words;
  EXPECT_EQ(a.represented.before, b.represented.before) << words;
}

std::vector<std::string> those_on_shards() {
  std::vector<std::string> names;
  for (const select::Acquisition& a : select::acquisitions())
    if (a.has(select::Trait::shards)) names.push_back(a.name);
  for (int more = 0; more < 4; ++more) names.push_back("crc");  // it has most ways
  return names;
}

TEST(Sharded, AnyNumberOfProcessesPicksTheSame) {
  const char* asked = std::getenv("CRC_SHARD_CASES");
  const int cases = asked ? std::atoi(asked) : 240;
  for (uint32_t seed = 0; int(seed) < cases && !testing::Test::HasFailure(); ++seed) {
    const Case random(seed, those_on_shards());
    std::string refused;
    Chosen alone;
    try {
      alone = random.choose(nullptr);
    } catch (const Error& error) {
      refused = error.what();
    }
    std::vector<std::string> errors;
    const auto all = in_ranks<Chosen>(
        random.ranks, [&](Ranks& ranks) { return random.choose(&ranks); }, &errors);
    for (size_t r = 0; r < all.size(); ++r) {
      if (!refused.empty()) {
        EXPECT_NE(errors[r].find(refused), std::string::npos) << random.words << ": " << refused << "\n" << errors[r];
        continue;
      }
      ASSERT_TRUE(all[r]) << random.words << ": " << errors[r];
      expect_equal(*all[r], alone, random.words);
    }
  }
}

// A pool that memory holds no copy of: one process reads its rows again for every pass.
TEST(Sharded, OneProcessPicksTheSameWithoutACopy) {
  int streamed = 0;
  for (uint32_t seed = 0; seed < 240 && !testing::Test::HasFailure(); ++seed) {
    Case random(seed, those_on_shards());
    std::string refused;
    Chosen alone;
    try {
      alone = random.choose(nullptr);
    } catch (const Error& error) {
      refused = error.what();
    }
    random.options.copy_bytes = 1;
    random.options.config.say = [&](const std::string& words) {
      streamed += words.find("read again for every pass") != std::string::npos;
    };
    try {
      const Chosen found = random.choose(nullptr);
      EXPECT_EQ(refused, "") << random.words;
      if (refused.empty()) expect_equal(found, alone, random.words);
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), refused) << random.words;
    }
  }
  EXPECT_GT(streamed, 200);
}

// What is kept in memory, by rank 0, which dies after it has kept so many times.
using Kept = std::map<std::string, std::vector<double>>;
class InMemory : public select::Checkpoint {
 public:
  InMemory(Kept& kept, Ranks& ranks, int lives) : kept_(kept), ranks_(ranks), lives_(lives) {}
  std::optional<std::vector<double>> recall(const std::string& name) override {
    std::vector<double> told;
    if (ranks_.rank() == 0) {
      const auto at = kept_.find(name);
      told.push_back(at != kept_.end());
      if (at != kept_.end()) told.insert(told.end(), at->second.begin(), at->second.end());
    }
    told = ranks_.gather(std::span<const double>(told));
    if (told[0] == 0) return std::nullopt;
    return std::vector<double>(told.begin() + 1, told.end());
  }
  void keep(const std::string& name, std::span<const double> values) override {
    if (ranks_.rank() != 0) return;
    kept_[name].assign(values.begin(), values.end());
    if (--lives_ == 0) fail(ExitCode::io, "killed");
  }
  bool due(const std::string&) override { return true; }
  std::string place() const override { return "memory"; }

 private:
  Kept& kept_;
  Ranks& ranks_;
  int lives_;
};

constexpr int kForEver = -1;

// What rank `size` - 1 did: what it said it was doing, how often, and its exchanges with others.
struct Done {
  std::map<std::string, int> said;
  int64_t exchanges = 0;
};

// In so many processes, with what was kept; nothing: it died.
std::optional<Chosen> start(const Case& random, int size, Kept& kept, int lives, Done* done = nullptr) {
  std::vector<std::string> errors;
  auto all = in_ranks<Chosen>(
      size,
      [&](Ranks& ranks) {
        InMemory checkpoint(kept, ranks, lives);
        const bool last = done && ranks.rank() + 1 == size;
        Chosen chosen =
            random.choose(size > 1 ? &ranks : nullptr, &checkpoint, [&](const char* what, int64_t, int64_t) {
              if (last) ++done->said[what];
            });
        if (last) done->exchanges = ranks.exchanges();
        return chosen;
      },
      &errors);
  for (const std::string& words : errors) {
    const bool died = words.empty() || words.find("killed") != words.npos;
    EXPECT_TRUE(died) << random.words << ": " << words;
  }
  return all[0];
}

// Dies after every pass or few that it keeps, and goes on in another number of processes each time.
void expect_goes_on(const Case& random, const Chosen& alone, uint32_t seed, int64_t& deaths) {
  Kept kept;
  std::optional<Chosen> last;
  for (uint32_t starts = 0; !last; ++starts, ++deaths) {
    ASSERT_LT(starts, 3000u) << random.words << ": no start gets any further";
    last = start(random, 1 + int(seed + starts) % 3, kept, 1 + int(starts / 3) % 3);
    if (testing::Test::HasFailure()) return;
  }
  --deaths;
  expect_equal(*last, alone, random.words);
}

TEST(Sharded, GoesOnAfterWhatWasKeptInAnyNumberOfProcesses) {
  const char* asked = std::getenv("CRC_SHARD_CASES");
  const int cases = asked ? std::atoi(asked) : 100;
  int64_t deaths = 0;
  for (uint32_t seed = 1000; int(seed) < 1000 + cases && !testing::Test::HasFailure(); ++seed) {
    const Case random(seed, those_on_shards());
    Chosen alone;
    try {
      alone = random.choose(nullptr);
    } catch (const Error&) {
      continue;  // refused
    }
    expect_goes_on(random, alone, seed, deaths);
  }
  EXPECT_GT(deaths, 5 * cases);
}

// Of more rows than one process, or several, measure at a time.
Case many_rows(const std::string& name, int64_t items, int64_t width, int64_t budget) {
  Case all(7, {name});
  all.items = items, all.width = width, all.classes = 3, all.options = {}, all.ranks = 2;
  all.features = {}, all.logits = {}, all.labeled = {1, 5, 30}, all.labels = {0, 2, 1}, all.listed = false;
  all.class_weights = {}, all.cuts = {0, items / 3, items};
  std::vector<float> h, f;
  for (int64_t k = 0; k < items * width; ++k) h.push_back(float(all.below(128)) / 64);
  for (int64_t k = 0; k < items * all.classes; ++k) f.push_back(float(all.below(128)) / 32);
  all.features.add(h.data(), items, width, Type::f32, false), all.logits.add(f.data(), items, 3, Type::f32, false);
  select::Config& config = all.options.config;
  config.name = name, config.budget = budget, config.seed = 3;
  all.options.block_bytes = 1;  // a chunk at a time
  all.words = name + " of many rows";
  return all;
}

// In the middle of the pass over all pairs: what one process measured of a triangle of pairs several go on from, and back.
TEST(Sharded, GoesOnInTheMiddleOfAllPairs) {
  int64_t deaths = 0;
  for (const char* name : {"rdss", "maxherding", "dcom"}) {
    const Case pool = many_rows(name, 4000, 2, 3);
    const Chosen alone = pool.choose(nullptr);
    for (uint32_t seed : {0, 1, 2}) expect_goes_on(pool, alone, seed, deaths);
  }
  EXPECT_GT(deaths, 30);
}

// With all that a selection kept, another start makes none of its passes.
TEST(Sharded, WhatWasKeptIsNotDoneAgain) {
  struct {
    const char *name, *pass;  // empty: by its exchanges with others, of which picks and centres take some each
    select::Search search = select::Search::partition;
  } const cases[] = {{"crc", "rows of the moment matrix"},
                     {"crc", "", select::Search::greedy},
                     {"crc", "", select::Search::exchange},
                     {"coreset", ""},
                     {"kmeans", ""},
                     {"typiclust", ""},
                     {"badge", ""},
                     {"rdss", "pairs of the pool"},
                     {"maxherding", "pairs of the pool"},
                     {"uherding", "pairs of the pool"},
                     {"facility_location", "pairs of the pool"},
                     {"probcover", "clusters apart"},
                     {"probcover", "pairs of the pool"},
                     {"dcom", "clusters apart"},
                     {"dcom", ""}};
  for (const auto& [name, pass, search] : cases) {
    Case pool = many_rows(name, 900, 5, 20);
    pool.options.config.search = search;
    Kept kept;
    Done first, second;
    const std::optional<Chosen> all = start(pool, 2, kept, kForEver, &first),
                                again = start(pool, 2, kept, kForEver, &second);
    ASSERT_TRUE(all && again) << pool.words;
    expect_equal(*again, *all, pool.words);
    if (*pass) {
      EXPECT_GT(first.said[pass], 0) << pool.words << ": " << pass;
      EXPECT_EQ(second.said[pass], 0) << pool.words << ": " << pass;
    } else {
      EXPECT_LT(second.exchanges, first.exchanges / 2) << pool.words;
    }
  }
}

}  // namespace
}  // namespace crc::test
