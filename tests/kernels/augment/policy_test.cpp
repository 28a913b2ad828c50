// The three RandAugments: magnitudes against the published tables, frequencies of every draw, geometry of the Cutouts.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "kernels/augment/plan.h"
#include "tests/kernels/augment/frequencies.h"

namespace crc::augment {
namespace {

using test::expect_frequencies;
using test::expect_uniform;

constexpr int kPolicyDraws = 1'000'000;
constexpr int kSide = 32;

Plan plan_of(Policy policy, int64_t id, int width = kSide, int height = kSide) {
  return draw_plan({.seed = 3, .purpose = Purpose::test, .strong = policy}, id, 0, 0, width, height);
}

std::vector<int64_t> counts_of(const std::map<double, int64_t>& histogram) {
  std::vector<int64_t> counts;
  for (const auto& [value, n] : histogram) counts.push_back(n);
  return counts;
}

TEST(AugmentPolicy, KekmodelMagnitudes) {
  const int bits[] = {4, 4, 5, 5, 6, 6, 6, 7, 7}, threshold[] = {231, 205, 180, 154, 128, 103, 77, 52, 26};
  const int pixels[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  for (int v = 1; v <= 9; ++v) {
    const auto value = [&](OpId op, bool negative = false) { return kekmodel_value(op, v, negative, 32, 64); };
    for (OpId op : {OpId::brightness, OpId::color, OpId::contrast, OpId::sharpness})
      EXPECT_FLOAT_EQ(float(value(op)), 0.09f * float(v) + 0.05f);
    EXPECT_EQ(value(OpId::posterize), bits[v - 1]);
    EXPECT_EQ(value(OpId::solarize), threshold[v - 1]);
    EXPECT_EQ(value(OpId::rotate), 3 * v);
    EXPECT_EQ(value(OpId::rotate, true), -3 * v);
    EXPECT_FLOAT_EQ(float(value(OpId::shear_x, true)), -0.03f * float(v));
    EXPECT_FLOAT_EQ(float(value(OpId::shear_y)), 0.03f * float(v));
    EXPECT_EQ(value(OpId::translate_x), pixels[v - 1]);
    EXPECT_EQ(value(OpId::translate_x, true), -pixels[v - 1]);
    EXPECT_EQ(value(OpId::translate_y), std::trunc(0.03 * v * 64));
  }
}

TEST(AugmentPolicy, GoogleMagnitudes) {
  const int bits[] = {4, 4, 3, 3, 2, 2, 2, 1, 1};
  for (int v = 1; v <= 9; ++v) {
    const auto value = [&](OpId op, bool negative = false) { return google_value(op, v, negative); };
    for (OpId op : {OpId::brightness, OpId::color, OpId::contrast, OpId::sharpness})
      EXPECT_FLOAT_EQ(float(value(op)), 0.18f * float(v) + 0.1f);
    EXPECT_EQ(value(OpId::posterize), bits[v - 1]);
    EXPECT_EQ(value(OpId::solarize), kekmodel_value(OpId::solarize, v, false, 32, 32));
    EXPECT_EQ(value(OpId::rotate, true), -3 * v);
    EXPECT_FLOAT_EQ(float(value(OpId::shear_x)), 0.03f * float(v));
    EXPECT_EQ(value(OpId::translate_x, true), -v);
    EXPECT_EQ(value(OpId::translate_y), v);
  }
}

// Both share their draws: operation, gate, level and sign are uniform and independent.
class AugmentLevels : public ::testing::TestWithParam<Policy> {};
TEST_P(AugmentLevels, Frequencies) {
  std::vector<int64_t> counts(3), pairs(kPoolSize * kPoolSize);
  std::map<double, int64_t> factors, degrees, bits;
  for (int64_t id = 0; id < kPolicyDraws; ++id) {
    const Plan plan = plan_of(GetParam(), id);
    ++counts[plan.op_count];
    if (plan.op_count == 2) ++pairs[int(plan.ops[0].op) * kPoolSize + int(plan.ops[1].op)];
    for (int s = 0; s < plan.op_count; ++s) {
      if (plan.ops[s].op == OpId::sharpness) ++factors[plan.ops[s].value];
      if (plan.ops[s].op == OpId::rotate) ++degrees[plan.ops[s].value];
      if (plan.ops[s].op == OpId::posterize) ++bits[plan.ops[s].value];
    }
  }
  const double p = 0.5 * 13 / 14;  // applied, and not the identity
  expect_frequencies(counts, {(1 - p) * (1 - p), 2 * p * (1 - p), p * p}, "operations per image");
  std::vector<double> shares(pairs.size());
  for (uint32_t i = 0; i < pairs.size(); ++i) {
    const OpId first = OpId(i / kPoolSize), second = OpId(i % kPoolSize);
    shares[i] = first == OpId::identity || second == OpId::identity ? 0 : 1.0 / (13 * 13);
  }
  expect_frequencies(pairs, shares, "pairs of operations");
  EXPECT_EQ(factors.size(), 9u);
  expect_uniform(counts_of(factors), "levels");
  EXPECT_EQ(degrees.size(), 18u);
  expect_uniform(counts_of(degrees), "levels with sign");
  EXPECT_EQ(bits.size(), 4u);
}
INSTANTIATE_TEST_SUITE_P(, AugmentLevels, ::testing::Values(Policy::randaugment_kekmodel, Policy::randaugment_google),
                         [](const auto& info) {
                           return info.param == Policy::randaugment_google ? "google" : "kekmodel";
                         });

TEST(AugmentPolicy, LeeFrequencies) {
  constexpr int kBins = 20;
  struct Range {
    double low, high;
    bool whole = false;
  };
  std::map<OpId, Range> ranges{{OpId::rotate, {-30, 30}},        {OpId::shear_x, {-0.3, 0.3}},
                               {OpId::shear_y, {-0.3, 0.3}},     {OpId::solarize, {0, 256}},
                               {OpId::translate_x, {-9.6, 9.6}}, {OpId::translate_y, {-19.2, 19.2}}};
  for (OpId op : {OpId::brightness, OpId::color, OpId::contrast, OpId::sharpness}) ranges[op] = {0.05, 0.95};
  std::map<OpId, std::vector<int64_t>> bins;
  std::map<double, int64_t> bits;
  std::vector<int64_t> counts(4), first(kPoolSize);
  for (int64_t id = 0; id < kPolicyDraws; ++id) {
    const Plan plan = plan_of(Policy::randaugment_lee, id, 32, 64);
    ++counts[plan.op_count];
    if (plan.op_count == 3) ++first[int(plan.ops[0].op)];
    for (int s = 0; s < plan.op_count; ++s) {
      const OpId op = plan.ops[s].op;
      const double value = plan.ops[s].value;
      if (op == OpId::posterize) ++bits[value];
      if (!ranges.count(op)) continue;
      const double u = (value - ranges[op].low) / (ranges[op].high - ranges[op].low);
      bins[op].resize(kBins);
      ++bins[op].at(size_t(u * kBins));
    }
  }
  const double p = 13.0 / 14;
  expect_frequencies(counts, {std::pow(1 - p, 3), 3 * p * std::pow(1 - p, 2), 3 * p * p * (1 - p), p * p * p},
                     "operations per image");
  std::vector<double> shares(kPoolSize, 1.0 / 13);
  shares[int(OpId::identity)] = 0;
  expect_frequencies(first, shares, "operations");
  EXPECT_EQ(bins.size(), ranges.size());
  for (const auto& [op, counts] : bins) expect_uniform(counts, "magnitudes");
  EXPECT_EQ(bits.begin()->first, 4);
  EXPECT_EQ(bits.rbegin()->first, 7);
  expect_uniform(counts_of(bits), "bits");
}

TEST(AugmentPolicy, FlipAndOffsetsAreUniformAndIndependent) {
  std::vector<int64_t> counts(2 * 9 * 9);
  for (int64_t id = 0; id < kPolicyDraws; ++id) {
    const Window w = plan_of(Policy::none, id).window;
    ++counts.at((w.flip * 9 + w.dx + 4) * 9 + w.dy + 4);
  }
  expect_uniform(counts, "flip, dx, dy");
}

// Pixels that a Cutout covers along x.
int extent(const Cutout& c, int side) {
  int n = 0;
  for (int x = 0; x < side; ++x) n += x >= c.x0 && x <= c.x1;
  return n;
}

TEST(AugmentPolicy, KekmodelCutout) {
  std::vector<int64_t> starts(kSide);
  for (Policy policy : {Policy::cutout, Policy::randaugment_kekmodel})
    for (int64_t id = 0; id < kPolicyDraws / 4; ++id) {
      const Cutout c = plan_of(policy, id).cutout;
      ++starts.at(c.x0);
      // 17 pixels, inclusive of both ends, unless cut by the right or lower border; never by the left or upper one.
      ASSERT_EQ(extent(c, kSide), std::min(17, kSide - c.x0));
      ASSERT_EQ(c.y1 - c.y0, std::min(16, kSide - c.y0));
      ASSERT_EQ(c.color.c[0] + c.color.c[1] + c.color.c[2], 3 * 127);
    }
  std::vector<double> shares(kSide, 0);  // centres below 9 start at 0, the others 8 pixels before themselves
  for (int x = 0; x < 24; ++x) shares[x] = (x == 0 ? 9.0 : 1.0) / 32;
  expect_frequencies(starts, shares, "left end");
  for (int64_t id = 0; id < 1000; ++id) {
    const Cutout c = plan_of(Policy::cutout, id, 16, 16).cutout;
    ASSERT_EQ(extent(c, 16), std::min(9, 16 - c.x0)) << "half of a smaller image";
  }
}

TEST(AugmentPolicy, LeeCutout) {
  std::vector<int64_t> widths(18);
  for (int64_t id = 0; id < kPolicyDraws; ++id) {
    const Cutout c = plan_of(Policy::randaugment_lee, id).cutout;
    if (c.x0 <= 15 && c.y0 <= 15) ++widths.at(extent(c, kSide));
    ASSERT_LE(extent(c, kSide), 17);
    ASSERT_TRUE(c.x1 < c.x0 || (c.x0 >= 0 && c.x0 < kSide)) << c.x0;
    if (c.x0 + 16 < kSide && c.y0 + 16 < kSide) {
      ASSERT_EQ(c.x1 - c.x0, c.y1 - c.y0);
    }
  }
  // floor(side) + 1 pixels, side in [0, 16)
  EXPECT_EQ(widths[17], 0);
  for (int n = 1; n <= 16; ++n) EXPECT_GT(widths[n], 0) << n;
}

TEST(AugmentPolicy, GoogleCutout) {
  std::vector<int64_t> starts(kSide);
  for (int64_t id = 0; id < kPolicyDraws / 4; ++id) {
    const Cutout c = plan_of(Policy::randaugment_google, id).cutout;
    ++starts.at(c.x0 + 8);
    ASSERT_EQ(extent(c, kSide), std::min(kSide, c.x0 + 16) - std::max(0, c.x0));  // shrinks at every border
    ASSERT_EQ(c.color.covered, 0);                                                // shows mid-grey
  }
  expect_uniform(starts, "centre");
}

TEST(AugmentPolicy, SlotAndStepAndSeedChangeTheDraws) {
  const AugmentConfig config{.seed = 3, .strong = Policy::randaugment_lee};
  AugmentConfig other = config;
  other.seed = 4;
  const auto key = [](const Plan& p) { return p.cutout.x0 * 1000 + p.cutout.y0 + (p.window.dx + 4) * 100000; };
  int same_slot = 0, same_step = 0, same_seed = 0;
  for (int64_t id = 0; id < 1000; ++id) {
    const int base = key(draw_plan(config, id, 0, 0, 32, 32));
    same_slot += base == key(draw_plan(config, id, 1, 0, 32, 32));
    same_step += base == key(draw_plan(config, id, 0, 1, 32, 32));
    same_seed += base == key(draw_plan(other, id, 0, 0, 32, 32));
  }
  EXPECT_LT(std::max({same_slot, same_step, same_seed}), 50);
}

}  // namespace
}  // namespace crc::augment
