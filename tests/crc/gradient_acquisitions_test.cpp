// egl, egl_last, badge, coreset and bait against what their papers say, written out.
#include <cmath>
#include <set>

#include "kernels/ops/eigvals.h"
#include "kernels/ops/persample_gram.h"
#include "tests/crc/pool.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class GradientAcquisitions : public OnDevice {};

std::vector<double> probabilities(const Pool& p, int64_t item) {
  std::vector<double> z;
  double total = 0;
  for (int64_t c = 0; c < p.classes; ++c) z.push_back(std::exp(double(p.logits[item * p.classes + c])));
  for (double v : z) total += v;
  for (double& v : z) v /= total;
  return z;
}
std::vector<int64_t> sorted(std::vector<int64_t> items) {
  std::ranges::sort(items);
  return items;
}

// sum_y p_y |gradient of cross-entropy for label y|^2, gradient by gradient.
double expected_length(const Pool& p, int64_t item, size_t blocks) {
  const Pool::Network network(p);
  const std::vector<double> prob = probabilities(p, item);
  double expected = 0;
  for (int64_t y = 0; y < p.classes; ++y)
    for (size_t b = 0; b < blocks; ++b)
      for (int64_t k = 0; k < network.all[b].parameters; ++k) {
        double g = 0;
        for (int64_t c = 0; c < p.classes; ++c) g += (prob[c] - (c == y ? 1 : 0)) * network.entry(b, item, c, k);
        expected += prob[y] * g * g;
      }
  return expected;
}

TEST_P(GradientAcquisitions, EglEqualsExplicitGradientsPerClass) {
  const Pool p = Pool::random(3, 2, 30, 5, 4);
  for (const auto& [name, blocks] : {std::pair<const char*, size_t>{"egl", 4}, {"egl_last", 2}}) {
    const Selection s = p.select(context, {.name = name, .budget = 6});
    std::vector<double> expected;
    for (int64_t item : s.candidates) expected.push_back(expected_length(p, item, blocks));
    expect_close(s.scores, expected, Class::autograd, Dtype::f64, name);
    std::vector<int64_t> best = s.candidates;
    std::ranges::sort(best, std::greater<>(), [&](int64_t item) { return expected_length(p, item, blocks); });
    best.resize(6);
    EXPECT_EQ(s.picks, best) << name;
  }
}

// The closed form is the expectation over labels of the diagonal of persample_gram.
TEST_P(GradientAcquisitions, EglLastEqualsTheNormsOfPersampleGradients) {
  const Pool p = Pool::random(5, 2, 20, 7, 3);
  const Selection s = p.select(context, {.name = "egl_last", .budget = 1});
  const int64_t pool = int64_t(s.candidates.size());
  std::vector<double> expected(pool);
  std::vector<float> rows;
  for (int64_t item : s.candidates)
    rows.insert(rows.end(), &p.features[item * p.width], &p.features[(item + 1) * p.width]);
  const Tensor h = Tensor::from_host(context, {pool, p.width}, rows.data(), "h");
  for (int64_t y = 0; y < p.classes; ++y) {
    std::vector<float> deltas;
    for (int64_t item : s.candidates)
      for (int64_t c = 0; c < p.classes; ++c) deltas.push_back(float(probabilities(p, item)[c] - (c == y ? 1 : 0)));
    const Tensor delta = Tensor::from_host(context, {pool, p.classes}, deltas.data(), "delta"),
                 gram(context, {pool, pool}, Dtype::f64, "gram");
    const auto d = delta.view<const float, 2>(), x = h.view<const float, 2>();
    persample_gram(context, gram.view<double, 2>(), d, x, d, x, PersampleConfig{});
    const auto inner = gram.to_host<double>(context);
    for (int64_t i = 0; i < pool; ++i) expected[i] += probabilities(p, s.candidates[i])[y] * inner[i * pool + i];
  }
  expect_close(s.scores, expected, Class::reduce, Dtype::f32, "egl_last");  // the cotangents are fp32
}

// CRC's kernel is the Gram of the per-sample gradients of every logit: unit cotangents, class by class.
TEST_P(GradientAcquisitions, CrcScoresTheGramOfPersampleGradients) {
  const Pool p = Pool::random(11, 4, 12, 9, 3);
  const Selection s = p.select(context, {.name = "crc", .budget = 2, .group_size = 2});
  ASSERT_EQ(s.scores.size(), 6u);
  for (size_t k = 0; k < s.scores.size(); ++k) {
    std::vector<int64_t> items = p.labeled;
    items.insert(items.end(), &s.candidates[2 * k], &s.candidates[2 * k] + 2);
    const int64_t n = int64_t(items.size());
    std::vector<float> rows;
    for (int64_t item : items) rows.insert(rows.end(), &p.features[item * p.width], &p.features[(item + 1) * p.width]);
    const Tensor h = Tensor::from_host(context, {n, p.width}, rows.data(), "h");
    std::vector<double> kernel(size_t(n * n));
    for (int64_t c = 0; c < p.classes; ++c) {
      std::vector<float> units(size_t(n * p.classes));
      for (int64_t i = 0; i < n; ++i) units[size_t(i * p.classes + c)] = 1;
      const Tensor delta = Tensor::from_host(context, {n, p.classes}, units.data(), "delta"),
                   gram(context, {n, n}, Dtype::f64, "gram");
      const auto d = delta.view<const float, 2>(), x = h.view<const float, 2>();
      persample_gram(context, gram.view<double, 2>(), d, x, d, x, PersampleConfig{});
      const std::vector<double> part = gram.to_host<double>(context);
      for (size_t i = 0; i < kernel.size(); ++i) kernel[i] += part[i];
    }
    const Tensor matrix = Tensor::from_host(context, {1, n, n}, kernel.data(), "kernel"),
                 spectrum(context, {1, n}, Dtype::f64, "spectrum");
    eigvals(context, spectrum.view<double, 2>(), matrix.view<double, 3>());
    expect_close(std::vector<double>{s.scores[k]}, std::vector<double>{spectrum.to_host<double>(context).front()},
                 Class::autograd, Dtype::f64, "score");
  }
}

// g = (e_y - p) h^T entry by entry.
std::vector<double> badge_gradient(const Pool& p, int64_t item) {
  const std::vector<double> prob = probabilities(p, item);
  const auto y = std::ranges::max_element(prob) - prob.begin();
  std::vector<double> g;
  for (int64_t c = 0; c < p.classes; ++c)
    for (int64_t d = 0; d < p.width; ++d) g.push_back(((c == y) - prob[c]) * double(p.features[item * p.width + d]));
  return g;
}
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double total = 0;
  for (size_t k = 0; k < a.size(); ++k) total += (a[k] - b[k]) * (a[k] - b[k]);
  return total;
}

TEST_P(GradientAcquisitions, BadgeStartsAtTheLongestGradientAndDrawsByDistance) {
  const Pool p = Pool::random(3, 2, 12, 4, 3);
  const std::vector<int64_t> items = sorted(p.unlabeled);
  const std::vector<double> zero(p.classes * p.width, 0.0);
  const int64_t longest =
      *std::ranges::max_element(items, {}, [&](int64_t item) { return distance(badge_gradient(p, item), zero); });
  std::vector<double> weights;
  for (int64_t item : items) weights.push_back(distance(badge_gradient(p, item), badge_gradient(p, longest)));
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  const int trials = GetParam() == "cpu" ? 3000 : 300;
  std::vector<int64_t> counts(items.size());
  for (int seed = 0; seed < trials; ++seed) {
    const Selection s = p.select(context, {.name = "badge", .budget = 3, .seed = uint32_t(seed)});
    ASSERT_EQ(s.picks[0], longest);
    ++counts[std::ranges::lower_bound(items, s.picks[1]) - items.begin()];
    // The third's score is its distance to the nearer of the two.
    const auto third = badge_gradient(p, s.picks[2]);
    const double nearest =
        std::min(distance(third, badge_gradient(p, s.picks[0])), distance(third, badge_gradient(p, s.picks[1])));
    ASSERT_NEAR(s.groups[2].score, nearest, tolerance(Class::reduce, Dtype::f32) * weights.size() * nearest);
  }
  for (size_t i = 0; i < items.size(); ++i) {
    const double q = weights[i] / total;
    EXPECT_NEAR(double(counts[i]), trials * q, 5 * std::sqrt(trials * q * (1 - q)) + 1e-9) << items[i];
  }
  EXPECT_EQ(p.select(context, {.name = "badge", .budget = 5, .seed = 4}).picks,
            p.select(context, {.name = "badge", .budget = 5, .seed = 4}).picks);
}

TEST_P(GradientAcquisitions, BadgeTakesCopiesLast) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    Pool p = Pool::random(seed, 1, 12, 3, 3);
    const std::vector<int64_t> items = sorted(p.unlabeled);
    for (size_t k = 6; k < 12; ++k) {  // six different gradients, each twice
      p.copy_features(items[k], items[k - 6]);
      std::copy_n(&p.logits[items[k - 6] * 3], 3, &p.logits[items[k] * 3]);
    }
    const Selection s = p.select(context, {.name = "badge", .budget = 8, .seed = seed});
    std::set<int64_t> originals;
    for (size_t k = 0; k < 6; ++k) {
      const auto place = std::ranges::lower_bound(items, s.picks[k]) - items.begin();
      EXPECT_TRUE(originals.insert(place % 6).second) << "seed " << seed << ": a copy as pick " << k;
    }
    EXPECT_EQ(s.groups[6].score, 0);
    EXPECT_EQ(s.groups[7].score, 0);
  }
}

TEST_P(GradientAcquisitions, CoresetIsGreedyKCenter) {
  for (const int64_t labeled : {0, 1, 5}) {
    const Pool p = Pool::random(9, labeled, 40, 6);
    const std::vector<int64_t> items = sorted(p.unlabeled);
    const auto row = [&](int64_t item) {
      return std::vector<double>(&p.features[item * p.width], &p.features[(item + 1) * p.width]);
    };
    std::vector<std::vector<double>> centers;
    for (int64_t item : p.labeled) centers.push_back(row(item));
    if (labeled == 0) {
      centers.push_back(std::vector<double>(p.width));
      for (int64_t item : items)
        for (int64_t d = 0; d < p.width; ++d) centers[0][d] += row(item)[d] / double(items.size());
      for (double& v : centers[0]) v = float(v);
    }
    const Selection s = p.select(context, {.name = "coreset", .budget = 9});
    for (size_t k = 0; k < 9; ++k) {
      int64_t best = -1;
      double largest = -1;
      for (int64_t item : items) {
        double nearest = INFINITY;
        for (const auto& center : centers) nearest = std::min(nearest, distance(row(item), center));
        if (nearest > largest) largest = nearest, best = item;
      }
      EXPECT_EQ(s.picks[k], best);
      EXPECT_NEAR(s.groups[k].score, largest, tolerance(Class::reduce, Dtype::f64) * largest);
      centers.push_back(row(best));
    }
  }
}

TEST_P(GradientAcquisitions, CoresetTakesCopiesLast) {
  Pool p = Pool::random(2, 3, 10, 4);
  for (int k = 0; k < 5; ++k) p.copy_features(p.unlabeled[k], p.labeled[k % 3]);
  const std::set<int64_t> copies(p.unlabeled.begin(), p.unlabeled.begin() + 5);
  for (int64_t item : p.select(context, {.name = "coreset", .budget = 5}).picks) EXPECT_FALSE(copies.contains(item));
}

TEST_P(GradientAcquisitions, BadgeDrawsByWeightTimesDistance) {
  Pool p = Pool::random(3, 2, 12, 4, 3);
  const std::vector<int64_t> items = sorted(p.unlabeled);
  p.weights.assign(size_t(p.items), 1.0);
  for (size_t k = 0; k < items.size(); ++k) p.weights[items[k]] = double(k % 4);  // three items of weight 0
  const std::vector<double> zero(p.classes * p.width, 0.0);
  const int64_t first = *std::ranges::max_element(
      items, {}, [&](int64_t item) { return p.weights[item] * distance(badge_gradient(p, item), zero); });
  std::vector<double> weights;
  for (int64_t item : items)
    weights.push_back(p.weights[item] * distance(badge_gradient(p, item), badge_gradient(p, first)));
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  const int trials = GetParam() == "cpu" ? 2000 : 200;
  std::vector<int64_t> counts(items.size());
  for (int seed = 0; seed < trials; ++seed) {
    const Selection s = p.select(context, {.name = "badge", .budget = 11, .seed = uint32_t(seed)});
    ASSERT_EQ(s.picks[0], first);
    ++counts[std::ranges::lower_bound(items, s.picks[1]) - items.begin()];
    for (size_t k = 0; k < s.picks.size(); ++k) ASSERT_EQ(p.weights[s.picks[k]] == 0, k >= 9) << k;
  }
  for (size_t i = 0; i < items.size(); ++i) {
    const double q = weights[i] / total;
    EXPECT_NEAR(double(counts[i]), trials * q, 5 * std::sqrt(trials * q * (1 - q)) + 1e-9) << items[i];
  }
}

TEST_P(GradientAcquisitions, EqualWeightsChangeNothing) {
  const Pool p = Pool::random(8, 3, 30, 5, 4);
  Pool weighted = p;
  weighted.weights.assign(size_t(p.items), 0.5);
  for (const char* name : {"badge", "coreset", "maxherding", "facility_location"}) {
    const Config config{.name = name, .budget = 9, .seed = 5};
    EXPECT_EQ(p.select(context, config).picks, weighted.select(context, config).picks) << name;
  }
}

TEST_P(GradientAcquisitions, AWeightThatIsNoneIsAnError) {
  Pool p = Pool::random(8, 3, 10, 5);
  const auto error = [&] {
    return error_of(ExitCode::config, [&] { p.select(context, {.name = "badge", .budget = 2}); });
  };
  for (const double wrong : {-1.0, double(NAN), double(INFINITY)}) {
    p.weights.assign(size_t(p.items), 1.0);
    p.weights[p.unlabeled[4]] = wrong;
    EXPECT_NE(error().find("weights are finite and not negative"), std::string::npos);
  }
  p.weights.assign(1, 1.0);
  EXPECT_NE(error().find("has no weight: 1 are given"), std::string::npos);
}

// The trace of all items' information: what a step lowers and what a removal raises add up.
TEST_P(GradientAcquisitions, BaitScoresHowMuchTheTraceFalls) {
  const Pool p = Pool::random(4, 3, 14, 3, 3);
  const std::vector<int64_t> items = sorted(p.unlabeled);
  const Selection s = p.select(context, {.name = "bait", .budget = 14});  // no removal: the gains sum to the fall
  double fall = 0;
  for (const auto& group : s.groups) fall += group.score;
  double before = 0, after = 0;
  const size_t at = s.summary.find("trace ");
  ASSERT_NE(at, std::string::npos) << s.summary;
  ASSERT_EQ(sscanf(&s.summary[at], "trace %lf at first, %lf with", &before, &after), 2) << s.summary;
  EXPECT_NEAR(before - after, fall, 1e-5 * before);
  EXPECT_EQ(sorted(s.picks), items);
}

TEST_P(GradientAcquisitions, BaitOverAllClassesByNumberIsExact) {
  const Pool p = Pool::random(6, 4, 25, 5, 4);
  const auto picks = [&](int64_t top) {
    return p.select(context, {.name = "bait", .budget = 6, .bait_top = top}).picks;
  };
  EXPECT_EQ(picks(0), picks(4));
  EXPECT_EQ(picks(0), picks(100));  // there are no more
  EXPECT_NE(picks(0), picks(1));
}

TEST_P(GradientAcquisitions, BaitSaysWhatFits) {
  const Pool p = Pool::random(6, 4, 200, 40, 12);
  const std::string words = error_of(
      ExitCode::out_of_memory, [&] { p.select(context, {.name = "bait", .budget = 10, .memory_bytes = 2000000}); });
  EXPECT_NE(words.find("over 12 of 12 classes needs"), std::string::npos) << words;
  const size_t at = words.find("acquisition.bait_top): ");
  ASSERT_NE(at, std::string::npos) << words;
  const int64_t fits = std::stoll(words.substr(at + 23));
  const auto with = [&](int64_t top) {
    return p.select(context, {.name = "bait", .budget = 10, .bait_top = top, .memory_bytes = 2000000});
  };
  EXPECT_EQ(with(fits).picks.size(), 10u);
  EXPECT_THROW(with(fits + 1), Error);
  EXPECT_NE(error_of(ExitCode::out_of_memory,
                     [&] { p.select(context, {.name = "bait", .budget = 10, .memory_bytes = 1000}); })
                .find("use badge"),
            std::string::npos);
}

TEST_P(GradientAcquisitions, BaitRefusesFeaturesBeyondItsRegularisation) {
  Pool p = Pool::random(6, 2, 20, 4);
  for (float& x : p.features) x *= 1e12f;
  EXPECT_NE(error_of(ExitCode::numerical, [&] { p.select(context, {.name = "bait", .budget = 4}); })
                .find("divide them by one number"),
            std::string::npos);
}

TEST(GradientAcquisitionThreads, SameBitsForAnyNumber) {
  const Pool p = Pool::random(4, 12, 300, 17);
  Context one = Context::cpu(1), three = Context::cpu(3);
  for (const char* name : {"egl", "egl_last", "badge", "coreset", "bait"}) {
    const Config config{.name = name, .budget = 30, .seed = 3};
    const Selection a = p.select(one, config), b = p.select(three, config);
    EXPECT_EQ(a.picks, b.picks) << name;
    EXPECT_EQ(a.scores, b.scores) << name;
  }
}

CRC_ON_EACH_DEVICE(GradientAcquisitions);

}  // namespace
}  // namespace crc::test
