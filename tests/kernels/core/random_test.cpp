#include "kernels/core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <set>
#include <vector>

namespace crc::test {
namespace {

using Words = std::array<uint32_t, 4>;

Words words(const Philox4& p) { return {p.v[0], p.v[1], p.v[2], p.v[3]}; }

// philox4x32-10 of Random123's kat_vectors. The device's function is compared with the host's by the ops that draw
// (tests/kernels/ops/draw_batch_test.cpp).
TEST(Philox, PublishedVectors) {
  EXPECT_EQ(words(philox(0, 0, 0, 0, 0, 0)), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t f = 0xffffffff;
  EXPECT_EQ(words(philox(f, f, f, f, f, f)), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words(philox(0xa4093822, 0x299f31d0, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344)),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Draws, UniformFillsItsRange) {
  EXPECT_EQ(uniform_from(0), 0);
  EXPECT_EQ(uniform_from(0xff), 0);
  EXPECT_EQ(uniform_from(0xffffffff), 1 - 0x1p-24f);
  double sum = 0, square = 0;
  const int n = 100000;
  for (int i = 0; i < n; ++i) {
    const float u = Draws(3, Purpose::test, i, 0).uniform();
    ASSERT_TRUE(u >= 0 && u < 1) << u;
    sum += u, square += u * u;
    const float v = Draws(3, Purpose::test, i, 1).uniform(-2, 5);
    ASSERT_TRUE(v >= -2 && v <= 5) << v;
  }
  const double five_sigma = 5 / std::sqrt(12.0 * n);
  EXPECT_NEAR(sum / n, 1 / 2.0, five_sigma);
  EXPECT_NEAR(square / n, 1 / 3.0, 5 * std::sqrt(4 / 45.0 / n));
}

// Pearson's statistic lies within four sigma of its mean (Wilson and Hilferty 1931), on either side: too even is wrong
// as well.
void expect_even(const std::vector<int>& counts) {
  double total = 0, chi2 = 0;
  for (int count : counts) total += count;
  const double expected = total / double(counts.size()), k = double(counts.size()) - 1;
  for (int count : counts) chi2 += (count - expected) * (count - expected) / expected;
  const double z = (std::cbrt(chi2 / k) - (1 - 2 / (9 * k))) / std::sqrt(2 / (9 * k));
  EXPECT_LT(std::abs(z), 4) << "chi^2 " << chi2 << " of " << counts.size() << " bins";
}

TEST(Draws, BelowIsUnbiased) {
  EXPECT_EQ(below_from(0, 10), 0u);
  EXPECT_EQ(below_from(0xffffffff, 10), 9u);
  EXPECT_EQ(below_from(0xffffffff, 1), 0u);
  EXPECT_EQ(below_from(0xffffffff, 0xffffffff), 0xfffffffeu);
  for (const uint32_t n : {2u, 3u, 10u, 97u, 1000u}) {
    std::vector<int> counts(n);
    for (int i = 0; i < 200000; ++i) ++counts[Draws(7, Purpose::test, i, n).below(n)];
    expect_even(counts);
  }
  std::vector<int> sides(2), consecutive(16);
  Draws draws(9, Purpose::test, 0, 0);
  for (int i = 0; i < 100000; ++i) ++sides[draws.coin()];
  for (int i = 0; i < 100000; ++i) {
    const uint32_t first = draws.below(4);
    ++consecutive[first * 4 + draws.below(4)];
  }
  expect_even(sides);
  expect_even(consecutive);
}

// The layout of key and counter decides every draw of every run: it never changes.
TEST(Draws, AreTheWordsOfTheDocumentedCounters) {
  const int64_t item = (5ll << 32) + 17, step = 1234;
  Draws draws(42, Purpose::weak_augment, item, step);
  for (uint32_t block = 0; block < 3; ++block)
    for (const uint32_t word : words(philox(42, 2, 17, 1234, block, 5))) EXPECT_EQ(draws.bits(), word);
}

TEST(Draws, StreamsDoNotCollide) {
  std::set<Words> seen;
  size_t streams = 0;
  for (const uint32_t seed : {0u, 1u, 0x80000000u})
    for (const Purpose purpose : {Purpose::init, Purpose::weak_augment, Purpose::strong_augment, Purpose::labeled_order,
                                  Purpose::unlabeled_order, Purpose::acquisition, Purpose::initial_pool,
                                  Purpose::dataset, Purpose::group_shuffle, Purpose::labeled_augment})
      for (const int64_t item : {0ll, 1ll, 2ll, 65930ll, 1ll << 32, (1ll << 32) + 1})
        for (const int64_t step : {0ll, 1ll, 2ll, 1ll << 20, (1ll << 32) - 1}) {
          Draws draws(seed, purpose, item, step);
          for (int block = 0; block < 8; ++block, ++streams)
            seen.insert({draws.bits(), draws.bits(), draws.bits(), draws.bits()});
        }
  EXPECT_EQ(seen.size(), streams);
}

// Runs and published selections hang on these bits.
TEST(Draws, Uniform53IsMadeOfTwoWords) {
  for (int64_t item = 0; item < 1000; ++item) {
    Draws draws(3, Purpose::test, item, 0), words = draws;
    const uint64_t high = words.bits(), low = words.bits();
    EXPECT_EQ(draws.uniform53(), double(high << 21 | low >> 11) * 0x1p-53);
    EXPECT_EQ(draws.bits(), words.bits()) << "two words, no more";
  }
}

TEST(Draws, NormalsAreBoxAndMullers) {
  constexpr int64_t kPairs = 20000;
  double sum = 0, square = 0, product = 0;
  for (int64_t item = 0; item < kPairs; ++item) {
    Draws draws(3, Purpose::test, item, 0), words = draws;
    const NormalPair z = draws.normals(0.5);
    const double radius = 0.5 * std::sqrt(-2 * std::log(1 - double(words.uniform())));
    const double angle = 2 * std::numbers::pi * double(words.uniform());
    EXPECT_DOUBLE_EQ(z.x(), radius * std::cos(angle));
    EXPECT_DOUBLE_EQ(z.y(), radius * std::sin(angle));
    sum += z.x() + z.y(), square += z.x() * z.x() + z.y() * z.y(), product += z.x() * z.y();
  }
  const double n = 2 * kPairs;
  EXPECT_NEAR(sum / n, 0, 5 * 0.5 / std::sqrt(n));
  EXPECT_NEAR(square / n, 0.25, 5 * 0.25 * std::sqrt(2 / n));
  EXPECT_NEAR(product / kPairs, 0, 5 * 0.25 / std::sqrt(double(kPairs)));
  EXPECT_EQ(NormalPair(1, 0.3).x(), 0) << "u = 1 is allowed";
}

TEST(Permute, IsABijectionThatDiffersByEpochSeedAndPurpose) {
  for (const uint32_t n : {1u, 2u, 3u, 10u, 97u, 1000u, 65931u}) {
    const auto order = [n](uint32_t seed, Purpose purpose, uint32_t epoch) {
      std::vector<uint32_t> places(n);
      for (uint32_t i = 0; i < n; ++i) places[i] = permute(seed, purpose, epoch, n, i);
      return places;
    };
    std::vector<uint32_t> all(n);
    for (uint32_t i = 0; i < n; ++i) all[i] = i;
    std::set<std::vector<uint32_t>> orders;
    for (const uint32_t epoch : {0u, 1u, 2u, 0xffffffffu}) {
      auto places = order(1, Purpose::test, epoch);
      orders.insert(places);
      std::sort(places.begin(), places.end());
      EXPECT_EQ(places, all) << "n " << n << ", epoch " << epoch;
    }
    if (n < 10) continue;
    orders.insert(order(2, Purpose::test, 0));
    orders.insert(order(1, Purpose::bench, 0));
    EXPECT_EQ(orders.size(), 6u) << "n " << n;
  }
}

// Over many epochs an item stands at every place, and before every other item, equally often. Small n are the hard
// ones.
TEST(Permute, IsEven) {
  for (const uint32_t n : {3u, 5u, 10u, 17u}) {
    std::vector<std::vector<int>> places(n, std::vector<int>(n)), followers(n, std::vector<int>(n - 1));
    for (uint32_t epoch = 0; epoch < 20000; ++epoch) {
      uint32_t before = permute(3, Purpose::test, epoch, n, 0);
      ++places[before][0];
      for (uint32_t i = 1; i < n; ++i) {
        const uint32_t item = permute(3, Purpose::test, epoch, n, i);
        ++places[item][i];
        ++followers[before][item - (item > before)];
        before = item;
      }
    }
    for (const auto& counts : places) expect_even(counts);
    for (const auto& counts : followers) expect_even(counts);
  }
}

}  // namespace
}  // namespace crc::test
