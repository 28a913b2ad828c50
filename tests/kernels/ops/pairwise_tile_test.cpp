#include "kernels/ops/pairwise_tile.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/core/gate.h"
#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

constexpr Measure kMeasures[] = {Measure::squared, Measure::cosine, Measure::similarity, Measure::rbf,
                                 Measure::top_hat};

double in_multiples(long double x) { return double(std::nearbyint(x * 0x1p32L) * 0x1p-32L); }

struct Arrays {
  int64_t n, k, d;
  std::vector<float> a, b;
  std::vector<double> current, weights, most;

  Arrays(int64_t n_, int64_t k_, int64_t d_, uint32_t seed = 1)
      : n(n_), k(k_), d(d_), a(uniform(n * d, seed)), b(uniform(k * d, seed + 1)) {
    for (float v : uniform(k, seed + 2, 0, 0.7f)) current.push_back(v);
    for (float v : uniform(k, seed + 3, 0, 2)) weights.push_back(v);
    for (float v : uniform(n, seed + 4, 0, 1)) most.push_back(v);
    if (k > 2) weights[1] = 0, current[2] = 0;
  }
  // From the equations, entry by entry.
  std::vector<double> pairs(const Pairing& pairing) const {
    std::vector<double> m;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < k; ++j) {
        long double squared = 0, inner = 0, aa = 0, bb = 0;
        for (int64_t t = 0; t < d; ++t) {
          const long double x = a[i * d + t], y = b[j * d + t];
          squared += (x - y) * (x - y), inner += x * y, aa += x * x, bb += y * y;
        }
        const long double cosine = aa > 0 && bb > 0 ? inner / std::sqrt(aa * bb) : 0;
        const double r = pairing.radius;
        switch (pairing.measure) {
          case Measure::squared:
            m.push_back(double(squared));
            break;
          case Measure::cosine:
            m.push_back(double(1 - cosine));
            break;
          case Measure::similarity:
            m.push_back(in_multiples((1 + cosine) / 2));
            break;
          case Measure::rbf:
            m.push_back(in_multiples(std::exp(-squared / (r * r))));
            break;
          case Measure::top_hat:
            m.push_back(std::sqrt(squared) < r ? 1 : 0);
            break;
        }
      }
    return m;
  }
};

struct Results {
  std::vector<double> least, most, gain;
  std::vector<int64_t> places;
  bool operator==(const Results&) const = default;
};

Results reduce(Context& context, const Arrays& x, const Pairing& pairing, int64_t count) {
  const Guarded<float, 2> a(context, {x.n, x.d}, x.a, "a"), b(context, {x.k, x.d}, x.b, "b");
  const Guarded<double, 1> current(context, {x.k}, x.current, "current"), weights(context, {x.k}, x.weights, "weights");
  Guarded<double, 2> least(context, {x.n, count}, std::vector<double>(x.n * count, 3), "least");
  Guarded<int64_t, 2> places(context, {x.n, count}, std::vector<int64_t>(x.n * count, 5), "places");
  Guarded<double, 1> most(context, {x.n}, x.most, "most"), gain(context, {x.n}, std::vector<double>(x.n, 9), "gain");
  pairwise_least(context, least.view(), places.view(), a, b, pairing);
  pairwise_most(context, most.view(), a, b, pairing);
  pairwise_gain(context, gain.view(), a, b, current, weights, pairing);
  return {least.get(), most.get(), gain.get(), places.get()};
}

// "cuda": the plain kernels; "cuda_tiles": those that the gate may take in their place.
class PairwiseTile : public ::testing::TestWithParam<std::string> {
 protected:
  PairwiseTile() : context(Context::from_name(GetParam().substr(0, GetParam().find('_')))) {
    const bool tiles = GetParam() == "cuda_tiles";
    context.gate().set_tier(tiles ? Gate::Tier::chosen : Gate::Tier::plain);
    context.gate().store_in({[](const std::string&) { return Chosen{"tiles", "plain", 1, 2, 0}; }, {}});
  }
  Context context;
};

std::vector<std::string> devices_and_tiles() {
  std::vector<std::string> names = devices();
  if (names.size() > 1) names.push_back("cuda_tiles");
  return names;
}

TEST_P(PairwiseTile, EqualsTheEquations) {
  using Shape = std::array<int64_t, 4>;
  for (const auto& [n, k, d, count] : {Shape{0, 3, 2, 1},
                                       {3, 0, 2, 2},
                                       {1, 1, 1, 1},
                                       {5, 12, 0, 3},
                                       {4, 12, 8, 1},
                                       {13, 11, 7, 3},
                                       {9, 25, 17, 25},
                                       {101, 61, 5, 9},
                                       {7, 70, 33, 64}})
    for (const Measure measure : kMeasures) {
      const Pairing pairing{measure, 0.9 + 0.1 * double(d)};
      SCOPED_TRACE(::testing::Message() << n << "," << k << "," << d << " measure " << int(measure));
      const Arrays x(n, k, d);
      const Results r = reduce(context, x, pairing, count);
      const std::vector<double> m = x.pairs(pairing);
      std::vector<double> least, most, gain;
      for (int64_t i = 0; i < n; ++i) {
        const auto row = m.begin() + i * k;
        std::vector<double> sorted(row, row + k);
        std::ranges::sort(sorted);
        sorted.resize(count, INFINITY);
        least.insert(least.end(), sorted.begin(), sorted.end());
        most.push_back(x.most[i]), gain.push_back(0);
        for (int64_t j = 0; j < k; ++j) {
          most.back() = std::max(most.back(), row[j]);
          gain.back() += x.weights[j] * std::max(0.0, row[j] - x.current[j]);
        }
        std::vector<bool> seen(k);
        for (int64_t s = 0; s < count; ++s) {
          const int64_t place = r.places[i * count + s];
          if (s >= k) {
            EXPECT_EQ(place, -1);
            EXPECT_EQ(r.least[i * count + s], INFINITY);
            continue;
          }
          ASSERT_TRUE(place >= 0 && place < k && !seen[place]);
          seen[place] = true;
          EXPECT_NEAR(row[place], r.least[i * count + s], 1e-12 * (1 + double(d)));
          if (s > 0) {
            const double before = r.least[i * count + s - 1], here = r.least[i * count + s];
            EXPECT_TRUE(before < here || (before == here && r.places[i * count + s - 1] < place)) << "order";
          }
        }
      }
      std::vector<double> finite = r.least;
      std::erase(finite, INFINITY), std::erase(least, INFINITY);
      expect_close(finite, least, Class::reduce, Dtype::f64, "least");
      expect_close(r.most, most, Class::reduce, Dtype::f64, "most");
      expect_close(r.gain, gain, Class::reduce, Dtype::f64, "gain");
    }
}

// Copies are at distance 0 and similarity 1, whatever their size, and the lower place comes first.
TEST_P(PairwiseTile, CopiesAreExact) {
  Arrays x(9, 30, 37, 5);
  for (float& v : x.b) v *= 1e3f;
  for (int64_t j = 0; j < 30; ++j) std::copy_n(x.b.begin() + j % 10 * 37, 37, x.b.begin() + j * 37);
  for (int64_t i = 0; i < 9; ++i) std::copy_n(x.b.begin() + i * 37, 37, x.a.begin() + i * 37);
  for (const Measure measure : {Measure::squared, Measure::cosine}) {
    const Results r = reduce(context, x, {measure, 1}, 4);
    for (int64_t i = 0; i < 9; ++i) {
      for (int64_t s = 0; s < 3; ++s) {
        EXPECT_EQ(r.least[i * 4 + s], 0);
        EXPECT_EQ(r.places[i * 4 + s], i + 10 * s);
      }
      EXPECT_GT(r.least[i * 4 + 3], 0);
    }
  }
  std::ranges::fill(x.most, 0);
  for (const Measure measure : {Measure::similarity, Measure::rbf, Measure::top_hat})
    for (const double most : reduce(context, x, {measure, 1e-6}, 1).most) EXPECT_EQ(most, 1);
}

TEST_P(PairwiseTile, ZeroRowsAndWideRadii) {
  Arrays x(3, 5, 4);
  std::fill_n(x.a.begin(), 4, 0.f), std::fill_n(x.b.begin() + 4, 4, 0.f);
  std::ranges::fill(x.current, 0), std::ranges::fill(x.weights, 1);
  EXPECT_EQ(reduce(context, x, {Measure::cosine}, 1).least[0], 1);
  for (const Measure measure : {Measure::rbf, Measure::top_hat})
    for (const double gain : reduce(context, x, {measure, INFINITY}, 1).gain) EXPECT_EQ(gain, 5);
}

// The chunks of a sum do not depend on the rows that are asked for, on threads or on the device.
TEST_P(PairwiseTile, SameBitsForAnyThreadsRowsAndDevice) {
  const Arrays x(GetParam() == "cpu" ? 131 : 7, kPairChunk + 37, 9, 3);
  for (const Measure measure : kMeasures) {
    const Pairing pairing{measure, 1.3};
    const Results all = reduce(context, x, pairing, 7);
    for (const int threads : {1, 2, 3}) {
      Context other = Context::cpu(threads);
      EXPECT_EQ(reduce(other, x, pairing, 7), all) << int(measure) << " by " << threads << " threads";
    }
    Arrays some = x;
    some.n = 2, some.a.erase(some.a.begin(), some.a.begin() + 3 * 9), some.a.resize(2 * 9), some.most.resize(2);
    EXPECT_EQ(reduce(context, some, pairing, 1).gain, std::vector<double>(all.gain.begin() + 3, all.gain.begin() + 5));
  }
}

// Rows against a longer range that begins with them, as if they were apart.
TEST_P(PairwiseTile, ARangeMayBeginWithTheRowsComparedToIt) {
  Arrays x(5, 61, 7, 6);
  std::copy_n(x.b.begin(), x.a.size(), x.a.begin());
  const Guarded<float, 2> b(context, {x.k, x.d}, x.b, "b");
  const Guarded<double, 1> current(context, {x.k}, x.current, "current"), weights(context, {x.k}, x.weights, "weights");
  const View<const float, 2> all = b;
  for (const Measure measure : kMeasures) {
    Guarded<double, 1> gain(context, {x.n}, std::vector<double>(x.n, 9), "gain");
    pairwise_gain(context, gain.view(), all.slice(0, x.n), all, current, weights, Pairing{measure, 1.2});
    EXPECT_EQ(gain.get(), reduce(context, x, {measure, 1.2}, 1).gain) << int(measure);
  }
}

// All rows against all rows in one sweep and in steps.
TEST_P(PairwiseTile, TheSquareIsAllRowsAgainstAll) {
  const bool cpu = GetParam() == "cpu";
  for (const int64_t n : {int64_t(5), kPairChunk, cpu ? 3 * kPairChunk + 41 : kPairChunk + 5}) {
    Arrays x(n, n, 3, 4);
    x.b = x.a;
    for (const Measure measure : {Measure::similarity, Measure::rbf, Measure::top_hat}) {
      const Pairing pairing{measure, 0.8};
      Context on_cpu = Context::cpu(2);
      const std::vector<double> all = reduce(on_cpu, x, pairing, 1).gain;
      const auto square = [&](Context& on, int64_t step) {
        const Guarded<float, 2> a(on, {n, 3}, x.a, "a");
        const Guarded<double, 1> current(on, {n}, x.current, "current"), weights(on, {n}, x.weights, "weights");
        Guarded<double, 1> gain(on, {n}, std::vector<double>(n, 9), "gain");
        for (int64_t begin = 0; begin < n; begin += step)
          pairwise_gain_square(on, gain.view(), a, current, weights, pairing,
                               PairRange{begin, std::min(n, begin + step)});
        return gain.get();
      };
      EXPECT_EQ(square(context, n + kPairChunk), all) << int(measure);
      EXPECT_EQ(square(context, kPairChunk), all) << int(measure);
      if (cpu)
        for (const int threads : {1, 3}) {
          Context other = Context::cpu(threads);
          EXPECT_EQ(square(other, 2 * kPairChunk), all) << int(measure) << " by " << threads;
        }
    }
  }
}

// What chunks of columns add, summed in order, of columns in one piece and in two.
TEST_P(PairwiseTile, SumsOfChunksAreTheGains) {
  const bool cpu = GetParam() == "cpu";
  for (const int64_t n : {int64_t(1), int64_t(30), cpu ? int64_t(600) : int64_t(70)}) {
    const Arrays x(n, 2 * kPairChunk + 5, 3, 4);
    const Guarded<float, 2> a(context, {x.n, x.d}, x.a, "a"), b(context, {x.k, x.d}, x.b, "b");
    const Guarded<double, 1> current(context, {x.k}, x.current, "current"),
        weights(context, {x.k}, x.weights, "weights");
    for (const Measure measure : {Measure::similarity, Measure::rbf, Measure::top_hat}) {
      std::vector<double> gain(size_t(n), 0.0);
      for (const auto& [begin, end] : {std::pair{int64_t(0), kPairChunk}, {kPairChunk, x.k}}) {
        const int64_t chunks = pair_chunks(end - begin);
        Guarded<double, 2> sums(context, {chunks, n}, std::vector<double>(size_t(chunks * n), 9), "sums");
        const View<const float, 2> columns = b;
        const View<const double, 1> c = current, w = weights;
        pairwise_gain_sums(context, sums.view(), a, columns.slice(begin, end), c.slice(begin, end), w.slice(begin, end),
                           Pairing{measure, 0.8});
        const std::vector<double> values = sums.get();
        for (size_t k = 0; k < values.size(); ++k) gain[k % size_t(n)] += values[k];
      }
      EXPECT_EQ(gain, reduce(context, x, {measure, 0.8}, 1).gain) << int(measure) << " of " << n;
    }
  }
}

// Counts within a radius that is the distance of a pair, or differs from it in the last bit, against a chain of fp64.
int64_t count_within(const Arrays& x, int64_t i, double square) {
  const auto chain = [&](const float* a, const float* b) {
    double sum = 0;
    for (int64_t t = 0; t < x.d; ++t) sum = std::fma(double(a[t]), double(b[t]), sum);
    return sum;
  };
  const float* a = &x.a[size_t(i * x.d)];
  int64_t count = 0;
  for (int64_t j = 0; j < x.k; ++j) {
    const float* b = &x.b[size_t(j * x.d)];
    count += (chain(a, a) + chain(b, b)) - 2 * chain(a, b) < square;
  }
  return count;
}

// Rows of many sizes, copies, neighbours in the last bit and points of a grid, exactly at the radius or not.
Arrays odd_pairs(uint32_t p) {
  Draws draws(p, Purpose::test, 9, 0);
  const bool few = p % 4 == 0;
  Arrays x(few ? 3 : 20 + draws.below(120), p % 4 == 1 ? 1 + draws.below(3) : 30 + draws.below(90),
           1 + draws.below(p % 2 ? 400 : 40), p);
  for (std::vector<float>* rows : {&x.a, &x.b})
    for (float& v : *rows) {
      if (p % 6 == 1) v = std::round(2 * v);
      if (p % 6 == 2) v += 100;
      if (p % 6 == 3) v = std::ldexp(v, p % 5 == 0 ? -70 : p % 5 == 1 ? 60 : 20);
    }
  for (int64_t i = 0; i < std::min(x.n, x.k); i += 3) {
    std::copy_n(x.b.begin() + i * x.d, x.d, x.a.begin() + i * x.d);
    if (i % 2 == 1) x.a[size_t(i * x.d)] = std::nextafter(x.a[size_t(i * x.d)], 9.f);
  }
  std::ranges::fill(x.current, 0), std::ranges::fill(x.weights, 1);
  return x;
}

TEST_P(PairwiseTile, WhatLiesAtTheRadiusIsDecidedExactly) {
  for (uint32_t p = 0; p < 120; ++p) {
    const Arrays x = odd_pairs(p);
    const Results least = reduce(context, x, {Measure::squared}, std::min<int64_t>(8, x.k));
    Draws draws(p, Purpose::test, 10, 0);
    for (int times = 0; times < 6; ++times) {
      const double at = least.least[draws.below(uint32_t(least.least.size()))];
      double radius = times == 5 ? INFINITY : std::max(1e-20, std::sqrt(at));
      if (times % 3 > 0) radius = std::nextafter(radius, times % 3 == 1 ? 0 : INFINITY);
      std::vector<double> counts;
      for (int64_t i = 0; i < x.n; ++i) counts.push_back(double(count_within(x, i, radius * radius)));
      ASSERT_EQ(reduce(context, x, {Measure::top_hat, radius}, 1).gain, counts)
          << "pool " << p << ", " << x.n << " and " << x.k << " x " << x.d << ", radius " << radius;
    }
  }
}

// Two items that cover each other and nothing else are worth the same, whatever the order of the sum.
TEST_P(PairwiseTile, TiesOfTheEquationsAreTies) {
  Arrays x(2, 2, 6);
  for (uint32_t seed = 0; seed < 50; ++seed) {
    x.a = x.b = uniform(12, seed);
    x.current = {double(in_multiples(uniform(1, seed + 1, 0, 0.1f)[0])),
                 double(in_multiples(uniform(1, seed + 2, 0, 0.1f)[0]))};
    x.weights = {1, 1};
    const std::vector<double> gain = reduce(context, x, {Measure::rbf, 3}, 1).gain;
    EXPECT_EQ(gain[0], gain[1]);
  }
}

// What lazy greedy rests on, to the last bit.
TEST_P(PairwiseTile, NoGainGrowsWithTheCoverage) {
  Arrays x(20, 300, 5, 8);
  std::vector<double> before(20, INFINITY);
  for (int step = 0; step < 10; ++step) {
    const std::vector<double> gain = reduce(context, x, {Measure::rbf, 1.1}, 1).gain;
    for (int i = 0; i < 20; ++i) EXPECT_LE(gain[i], before[i]);
    before = gain;
    for (int64_t j = 0; j < x.k; ++j) x.current[j] += 0.1 * Draws(step, Purpose::test, j, 1).uniform();
  }
}

TEST(PairwiseExp, IsTheExponentialOfMinusX) {
  double worst = 0;
  for (int64_t i = 0; i < 200000; ++i) {
    const double x = std::ldexp(Draws(1, Purpose::test, i, 0).uniform53(), int(i % 12) - 2);
    const double expected = std::exp(-x);
    if (x < 708) worst = std::max(worst, std::abs(exp_minus(x) / expected - 1));
  }
  EXPECT_LT(worst, 0x1p-51);
  EXPECT_EQ(exp_minus(0), 1);
  EXPECT_EQ(exp_minus(708), 0);
  EXPECT_EQ(exp_minus(INFINITY), 0);
  EXPECT_GT(exp_minus(707.9), 0);
}

TEST_P(PairwiseTile, WrongShapesAreErrors) {
  const Arrays x(3, 4, 2);
  const Guarded<float, 2> a(context, {3, 2}, x.a, "a"), b(context, {4, 2}, x.b, "b"), c(context, {2, 4}, x.b, "c");
  Guarded<double, 1> three(context, {3}, {1, 1, 1}, "three");
  const Guarded<double, 1> four(context, {4}, {1, 1, 1, 1}, "four");
  EXPECT_THROW(pairwise_most(context, three.view(), a, c, Pairing{}), Error);
  EXPECT_THROW(pairwise_most(context, three.view(), a, b, Pairing{.radius = 0}), Error);
  EXPECT_THROW(pairwise_gain(context, three.view(), a, b, three, four, Pairing{}), Error);
  Guarded<double, 2> sums(context, {2, 3}, {1, 1, 1, 1, 1, 1}, "sums");
  EXPECT_THROW(pairwise_gain_sums(context, sums.view(), a, b, four, four, Pairing{}), Error);
  for (const PairRange range : {PairRange{1, 3}, {0, 2}, {0, 4}, {-kPairChunk, 3}})
    EXPECT_THROW(pairwise_gain_square(context, three.view(), a, three, three, Pairing{}, range), Error);
  Guarded<double, 2> least(context, {3, 0}, {}, "least");
  Guarded<int64_t, 2> places(context, {3, 0}, {}, "places");
  EXPECT_THROW(pairwise_least(context, least.view(), places.view(), a, b, Pairing{}), Error);
}

INSTANTIATE_TEST_SUITE_P(, PairwiseTile, ::testing::ValuesIn(devices_and_tiles()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace crc::test
