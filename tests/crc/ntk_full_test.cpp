#include "crc/ntk_full.h"

#include "crc/score.h"
#include "kernels/ops/capacitance.h"
#include "kernels/ops/gram_pairs.h"
#include "tests/crc/pool.h"
#include "tests/kernels/device.h"
#include "tests/kernels/jacobi.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class FullNtkTest : public OnDevice {};

// K~ of the paper over the given blocks, entry by entry.
std::vector<long double> kernel(const Pool& p, const std::vector<int64_t>& items, const std::vector<bool>& wanted) {
  const Pool::Network network(p);
  const size_t n = items.size();
  std::vector<long double> k(n * n);
  for (size_t b = 0; b < wanted.size(); ++b) {
    if (!wanted[b]) continue;
    const std::vector<float> j = network.jacobian(b, items);
    const size_t width = j.size() / n;
    for (size_t x = 0; x < n; ++x)
      for (size_t y = 0; y < n; ++y)
        for (size_t e = 0; e < width; ++e) k[x * n + y] += (long double)j[x * width + e] * j[y * width + e];
  }
  return k;
}
std::vector<int64_t> with_labeled(const Pool& p, const std::vector<int64_t>& group) {
  std::vector<int64_t> items = p.labeled;
  std::ranges::sort(items);
  items.insert(items.end(), group.begin(), group.end());
  return items;
}
const std::vector<bool> kAll(4, true), kHead{true, true, false, false};

TEST_P(FullNtkTest, MatricesEqualTheContractionOfTheJacobians) {
  for (const int64_t labeled : {0, 1, 7}) {
    const Pool p = Pool::random(4, labeled, 12, 5, 3);
    const Pool::Network network(p);
    std::vector<int64_t> ascending = p.labeled;
    std::ranges::sort(ascending);
    const select::FullNtk ntk(context, network,
                              select::plan_jacobians(&network, {.name = "crc_full"}, "all", labeled, 3), ascending);
    const select::Groups groups{3, p.unlabeled};
    const int64_t n = labeled + 3;
    const std::vector<double> a = ntk.matrices(groups, 1, 2).to_host<double>(context);
    for (int64_t b = 0; b < 2; ++b) {
      const auto group = groups[1 + b];
      const auto k = kernel(p, with_labeled(p, {group.begin(), group.end()}), kAll);
      std::vector<double> lower, expected;
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j <= i; ++j) {
          lower.push_back(a[(b * n + i) * n + j]);
          expected.push_back(double(k[i * n + j]));
        }
      expect_close(lower, expected, Class::autograd, Dtype::f64, "kernel");
    }
  }
}

TEST_P(FullNtkTest, ScoresAreTheSmallestEigenvaluesByStructuralRank) {
  for (const auto& [name, layers, wanted, rank] :
       {std::tuple<const char*, const char*, std::vector<bool>, int64_t>{"crc_full", "", kAll, 4 + 1 + 9 + 120},
        {"crc_layers", "fc", kHead, 5},
        {"crc_layers", "fc bn1", {true, true, true, false}, 14},
        {"crc_layers", "bn1.weight block3.layer.0", {false, false, true, true}, 129}})
    for (const int64_t labeled : {0, 2, 3, 9, 16}) {
      SCOPED_TRACE(std::string(name) + " " + layers + ", labeled " + std::to_string(labeled));
      const Pool p = Pool::random(7, labeled, 20, 4, 3);
      Config config{.name = name, .budget = 4, .group_size = 2, .solver = Solver::syevd, .layers = layers};
      const Selection dense = p.select(context, config);
      config.solver = Solver::capacitance;
      const Selection s = p.select(context, config);
      for (size_t k = 0; k < s.scores.size(); ++k) {
        const int64_t n = labeled + 2;
        const auto w = jacobi_eigenvalues(kernel(p, with_labeled(p, candidate(s, int64_t(k))), wanted), n);
        const double expected = w[n - std::min(n, rank)], largest = w[n - 1];
        const double floor = select::kRankTolerance * largest;
        EXPECT_NEAR(s.scores[k], expected > floor ? expected : 0,
                    2 * floor + tolerance(Class::library, Dtype::f64) * largest);
        EXPECT_NEAR(s.scores[k], dense.scores[k], kCertificate * dense.scores[k] + 2 * floor);
      }
    }
}

// With the last layer alone the kernel is C (<h,h'> + 1): the scores and picks of crc.
TEST_P(FullNtkTest, LastLayerBlockEqualsTheClosedForm) {
  for (const int64_t labeled : {0, 3, 12}) {
    const Pool p = Pool::random(2, labeled, 40, 9, 4);
    Config config{.name = "crc", .budget = 8, .group_size = 4, .layers = "fc"};
    const Selection closed = p.select(context, config);
    config.name = "crc_layers";
    const Selection explicitly = p.select(context, config);
    expect_close(explicitly.scores, closed.scores, Class::autograd, Dtype::f64, "scores");
    EXPECT_EQ(explicitly.picks, closed.picks);
    EXPECT_EQ(explicitly.rank, closed.rank);
  }
}

// The pool goes by in chunks that memory allows, once; the answer is the same.
TEST_P(FullNtkTest, MemoryDecidesTheChunksAndNothingElse) {
  const Pool p = Pool::random(6, 5, 61, 7, 3);
  const Pool::Network network(p);
  const Tensor h = Tensor::from_host(context, {p.items, p.width}, p.features.data(), "features");
  const auto run = [&](int64_t bytes) {
    network.computed = network.largest = 0;
    return crc::select::select(context,
                               Problem{h.view<const float, 2>(), {}, p.labeled, p.unlabeled, p.classes, &network},
                               {.name = "crc_full", .budget = 6, .group_size = 3, .memory_bytes = bytes});
  };
  const Selection large = run(1 << 30);
  EXPECT_EQ(network.largest, 60);
  EXPECT_EQ(network.computed, 65) << "five labelled, sixty in groups";
  const Selection small = run(40000);
  EXPECT_EQ(network.computed, 65);
  EXPECT_LT(network.largest, 20);
  EXPECT_EQ(small.picks, large.picks);
  expect_close(small.scores, large.scores, Class::autograd, Dtype::f64, "scores");
}

TEST_P(FullNtkTest, ThePlanIsSaidBeforeItStartsAndMustFit) {
  const Pool p = Pool::random(6, 5, 20, 7, 3);
  const Pool::Network network(p);
  const Tensor h = Tensor::from_host(context, {p.items, p.width}, p.features.data(), "features");
  const Problem problem{h.view<const float, 2>(), {}, p.labeled, p.unlabeled, p.classes, &network};
  Config config{.name = "crc_full", .budget = 2, .group_size = 2};
  const auto plan = select::plan_jacobians(&network, config, "all", 5, 2);
  EXPECT_EQ(plan.parameters, 3 * 7 + 3 + 3 + 40);
  EXPECT_EQ(plan.row_bytes, 4 * 3 * plan.parameters);
  EXPECT_EQ(plan.kept_bytes, 5 * plan.row_bytes);
  EXPECT_EQ(plan.chunk, 256);
  EXPECT_LE(plan.total_bytes(), config.memory_bytes);
  std::string said;
  config.say = [&](const std::string& text) {
    said = text;
    EXPECT_EQ(network.computed, 0);
  };
  crc::select::select(context, problem, config);
  EXPECT_EQ(said, plan.text);
  EXPECT_NE(said.find("crc_full: 4 arrays of 67 parameters x 3 classes"), std::string::npos) << said;

  config.memory_bytes = 1000;
  network.computed = 0;
  const std::string refused = error_of(ExitCode::out_of_memory, [&] { crc::select::select(context, problem, config); });
  EXPECT_NE(refused.find("Allow more (acquisition.memory_gb)"), std::string::npos) << refused;
  EXPECT_EQ(network.computed, 0);
}

TEST_P(FullNtkTest, LayersAreNamed) {
  const Pool p = Pool::random(1, 2, 8, 3);
  const auto message = [&](const char* layers) {
    return error_of(ExitCode::config,
                    [&] { p.select(context, {.name = "crc_layers", .budget = 1, .layers = layers}); });
  };
  EXPECT_EQ(
      message("fc bloc"),
      "acquisition \"crc_layers\": the network has no layer \"bloc\"; it has fc, bn1, block3 (and parts of these, "
      "such as fc.weight)");
  EXPECT_EQ(message(""), "acquisition \"crc_layers\" needs layers; name some of fc, bn1, block3, or \"all\"");
  EXPECT_EQ(error_of(ExitCode::config,
                     [&] { p.select(context, {.name = "crc_full", .budget = 1, .solver = Solver::fp32_positive}); }),
            "acquisition \"crc_full\" has only the solvers capacitance and syevd, not \"fp32-positive\"");
}

// Proposition 2 holds for the full kernel as for the last layer's.
TEST_P(FullNtkTest, NeverPicksACopyWhileThereIsAnAlternative) {
  int alternatives = 0, degenerate = 0;
  const uint32_t pools = GetParam() == "cpu" ? 1000 : 50;
  for (uint32_t seed = 0; seed < pools; ++seed) {
    Draws draw(seed, Purpose::test, 1, 0);
    const int64_t group = 1 + draw.below(3), labeled = 1 + draw.below(5), width = 3 + draw.below(4);
    Pool p = Pool::random(seed, labeled, 9 + draw.below(6), width);
    for (int64_t planted = 0; planted < 5; ++planted) {
      const int64_t to = p.unlabeled[draw.below(uint32_t(p.unlabeled.size()))];
      p.copy_features(to, draw.coin() ? p.labeled[0] : p.unlabeled[draw.below(uint32_t(p.unlabeled.size()))]);
    }
    const Selection s = p.select(context, {.name = "crc_full", .budget = group, .group_size = group, .seed = seed});
    bool alternative = false;
    for (size_t k = 0; k < s.scores.size(); ++k) {
      const bool copies = p.degenerate(candidate(s, int64_t(k)));
      alternative |= !copies;
      degenerate += copies;
      EXPECT_EQ(s.scores[k] == 0, copies) << "seed " << seed << ": " << s.scores[k];
    }
    alternatives += alternative;
    EXPECT_FALSE(alternative && p.degenerate(s.picks)) << "seed " << seed;
  }
  EXPECT_GT(alternatives, int(pools) * 3 / 4);
  EXPECT_GT(degenerate, int(pools));
}

// What a GPU with slow fp64 adds up in pairs of fp32 (kernels/ops/gram_pairs.h) moves a score by less than its floor,
// and a copy's zero stays below it. One fp32 sum does neither.
TEST_P(FullNtkTest, PairsOfFp32KeepScoresToTheirFloor) {
  constexpr int64_t kItems = 12, kColumns = 5000;
  std::vector<float> rows = uniform(kItems * kColumns, 1, 0.5f, 1.5f);
  for (int64_t i = 1; i < kItems; ++i)  // most of a row is the first one's
    for (int64_t d = 0; d < kColumns; ++d)
      rows[i * kColumns + d] = rows[d] + 1e-4f * float(kItems - i) * (rows[i * kColumns + d] - 1);
  std::copy_n(rows.begin() + 10 * kColumns, kColumns, rows.begin() + 11 * kColumns);  // a copy
  const Tensor x = Tensor::from_host(context, {1, kItems, kColumns}, rows.data(), "rows"),
               k(context, {1, kItems, kItems}, Dtype::f64, "k");
  gram_pairs(context, k.view<double, 3>(), x.view<const float, 3>(), x.view<const float, 3>());
  const std::vector<double> pairs = k.to_host<double>(context);
  std::vector<long double> by_pairs(pairs.begin(), pairs.end()), exact(kItems * kItems), single(kItems * kItems);
  for (int64_t i = 0; i < kItems * kItems; ++i) {
    const float *a = &rows[i / kItems * kColumns], *b = &rows[i % kItems * kColumns];
    float sum = 0;
    for (int64_t d = 0; d < kColumns; ++d) exact[i] += (long double)a[d] * b[d], sum += a[d] * b[d];
    single[i] = sum;
  }
  for (const int64_t n : {int64_t(5), kItems - 1, kItems}) {
    const auto smallest = [&](const std::vector<long double>& of) {
      std::vector<long double> leading;
      for (int64_t i = 0; i < n * n; ++i) leading.push_back(of[i / n * kItems + i % n]);
      return jacobi_eigenvalues(leading, n);
    };
    const auto expected = smallest(exact);
    const double floor = select::kRankTolerance * double(expected[n - 1]);
    EXPECT_NEAR(double(smallest(by_pairs)[0]), double(expected[0]), 0.25 * floor) << n;
    EXPECT_EQ(double(smallest(by_pairs)[0]) > floor, n < kItems) << n << ": a copy's zero, and no other";
    EXPECT_GT(std::abs(double(smallest(single)[0] - expected[0])), floor) << n;
  }
}

CRC_ON_EACH_DEVICE(FullNtkTest);

}  // namespace
}  // namespace crc::test
