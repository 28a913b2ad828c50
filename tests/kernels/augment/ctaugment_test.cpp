// CTAugment: what its draws mean, how often they fall, and how probes move the rates, number by number.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/augment/ctaugment_update.h"
#include "kernels/augment/plan.h"
#include "tests/kernels/arrays.h"
#include "tests/kernels/augment/frequencies.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::augment {
namespace {

using test::Class;
using test::expect_frequencies;
using test::expect_uniform;
using test::Guarded;
using test::StateOnDevice;

constexpr int kDraws = 1'000'000;

CtChoice choice_of(const std::vector<float>& rates, int64_t id) {
  Draws draws(7, Purpose::test, id, 0);
  return draw_choice(draws, rates.empty() ? nullptr : rates.data());
}

TEST(Ctaugment, ValuesOfTheLevels) {
  const auto value = [](CtOp op, double level, double filter = 0) {
    return ct_op({op, level, filter, -1, -1}, 32, 40);
  };
  EXPECT_EQ(value(CtOp::brightness, 0.5).value, 0.1 + 1.9 * 0.5);
  EXPECT_EQ(value(CtOp::sharpness, 0).value, 0.1);
  EXPECT_EQ(value(CtOp::autocontrast, 0.25).mix, 0.25f);
  EXPECT_EQ(value(CtOp::posterize, 0).value, 1);
  EXPECT_EQ(value(CtOp::posterize, 0.9999).value, 8);
  EXPECT_EQ(value(CtOp::solarize, 0.5).value, 127);
  EXPECT_EQ(value(CtOp::rotate, 0).value, -45);
  EXPECT_EQ(value(CtOp::rotate, 0.76).value, 23);
  EXPECT_EQ(value(CtOp::shear_x, 0).value, -0.3);
  EXPECT_EQ(value(CtOp::translate_y, 1).value, 0.3);
  EXPECT_EQ(value(CtOp::cutout, 1).value, 1 + 15) << "of the shorter side";
  EXPECT_EQ(value(CtOp::rescale, 0.5).value, 0.125);
  EXPECT_EQ(value(CtOp::rescale, 0, 0.0).op, OpId::rescale_lanczos);
  EXPECT_EQ(value(CtOp::rescale, 0, 0.5).op, OpId::rescale_bilinear);
  EXPECT_EQ(value(CtOp::rescale, 0, 0.999).op, OpId::rescale_nearest);
  for (double level : {0.0, 0.3, 0.999})  // every value is one that its operation allows
    for (int op = 0; op < kCtOps; ++op) {
      PlannedOp s = value(CtOp(op), level, level);
      const Parameter parameters[] = {
#define CRC_AUGMENT_OP(name, Type) Type::parameter,
#include "kernels/augment/registry.def"
#undef CRC_AUGMENT_OP
      };
      const Parameter p = parameters[int(s.op)];
      EXPECT_TRUE(p.low == p.high || (s.value >= p.low && s.value <= p.high)) << op << " " << level;
    }
}

TEST(Ctaugment, OperationsAndFreshLevelsAreUniform) {
  const std::vector<float> ones(kCtRows * kCtBins, 1.0f);
  for (const std::vector<float>& rates : {ones, std::vector<float>()}) {
    std::vector<int64_t> ops(kCtOps), levels(100), filters(kCtFilters), bits(8);
    for (int64_t id = 0; id < kDraws; ++id) {
      const CtChoice c = choice_of(rates, id);
      ++ops.at(size_t(c.op));
      if (c.op == CtOp::identity) continue;
      ++levels.at(size_t(c.level * 100));
      if (c.op == CtOp::rescale) ++filters.at(size_t(ct_op(c, 32, 32).op) - size_t(OpId::rescale_lanczos));
      if (c.op == CtOp::posterize) ++bits.at(size_t(c.rate - int(c.op) * kCtBins));
    }
    expect_uniform(ops, "operations");
    expect_uniform(levels, "levels");
    // int(5.99 level) makes the last filter a little rarer than the others
    std::vector<double> shares(kCtFilters, 1 / 5.99);
    shares.back() = 1 - 5 / 5.99;
    if (rates.empty()) expect_frequencies(filters, shares, "filters");
    // int(8 * 0.999 level) the last bin a little more frequent
    std::vector<double> bins(8, 1 / 7.992);
    for (double& share : bins) share = 1 / 7.992;
    bins.back() = 1 - 7 / 7.992;
    if (rates.empty()) expect_frequencies(bits, bins, "bins of posterize");
  }
}

TEST(Ctaugment, LearntRatesDecideTheBins) {
  std::vector<float> rates(kCtRows * kCtBins, 1.0f);
  std::vector<double> weights(kCtBins);
  double total = 0;
  for (int b = 0; b < kCtBins; ++b) {
    const float rate = 0.6f + 0.025f * float(b);  // up to 1
    rates[int(CtOp::rotate) * kCtBins + b] = rate;
    const double p = (double(rate) + 0.01) / 1.01;
    weights[b] = p < 0.8 ? 0 : p;
    total += weights[b];
  }
  for (double& w : weights) w /= total;
  std::vector<int64_t> bins(kCtBins), within(20);
  for (int64_t id = 0; id < 4 * kDraws; ++id) {
    const CtChoice c = choice_of(rates, id);
    if (c.op != CtOp::rotate) continue;
    const double place = c.level * kCtBins;
    ++bins.at(size_t(place));
    ++within.at(size_t((place - std::floor(place)) * 20));
  }
  expect_frequencies(bins, weights, "bins of rotate");
  expect_uniform(within, "place within the bin");
}

class CtaugmentUpdate : public test::OnDevice {};

// The reference's update_rates over the documented words of every probe's draws.
TEST_P(CtaugmentUpdate, FollowsTheRuleImageByImage) {
  const AugmentConfig config{.seed = 5, .purpose = Purpose::probe_augment, .strong = Policy::ctaugment_probe};
  constexpr int64_t kStep = 12;
  for (const int64_t images : {0, 1, 64, 257}) {
    const int64_t classes = 7;
    std::vector<float> p = test::uniform(images * classes, 3, 0, 1);
    std::vector<int64_t> ids;
    std::vector<int32_t> labels;
    std::vector<float> expected(kCtRows * kCtBins, 1.0f);
    for (int64_t i = 0; i < images; ++i) {
      float sum = 0, error = 0;
      for (int64_t c = 0; c < classes; ++c) sum += p[i * classes + c];
      for (int64_t c = 0; c < classes; ++c) p[i * classes + c] /= sum;
      ids.push_back(i * 3 % 50);
      labels.push_back(i % 5 == 4 ? -1 : int32_t(i % classes));
      for (int64_t c = 0; c < classes; ++c) error += std::abs(p[i * classes + c] - float(c == labels[i]));
      Draws draws(5, Purpose::probe_augment, ids[i] | i << 32, kStep);
      for (int word = 0; word < 3; ++word) draws.bits();  // flip, dx, dy
      for (int depth = 0; depth < 2; ++depth) {
        const uint32_t op = draws.below(19);
        const double level = draws.uniform();
        draws.bits();
        const double filter = draws.uniform();
        for (int word = 0; word < 3; ++word) draws.bits();  // bin, a cutout's centre
        const auto update = [&](int row, double at, int bins) {
          float& rate = expected[row * 17 + int(at * bins * 0.999)];
          if (labels[i] >= 0) rate = float(rate * 0.99 + (1 - 0.5 * error) * (1 - 0.99));
        };
        if (op != 8) update(int(op), level, op == 9 ? 8 : 17);  // identity has no level, posterize 8 bins
        if (op == 10) update(19, filter, 6);                    // rescale
      }
    }
    const Guarded<float, 2> rates(context, {kCtRows, kCtBins}, std::vector<float>(kCtRows * kCtBins, 1.0f), "rates");
    const Guarded<float, 2> probabilities(context, {images, classes}, p, "probabilities");
    const Guarded<int32_t, 1> y(context, {images}, labels, "labels");
    const Guarded<int64_t, 1> id(context, {images}, ids, "ids");
    const StateOnDevice state(context, {.step = kStep, .learning_rate = 0, .ema_decay = 0, .consistency_weight = 0});
    ctaugment_update(context, rates.view(), probabilities, y, id, state.view(), config);
    test::expect_close(rates.get(), expected, Class::reduce, Dtype::f32, "rates");
    if (images == 1) {
      EXPECT_LT(*std::min_element(expected.begin(), expected.end()), 1);
    }
  }
}

// A probe's image shows the operations whose rates it moves: the words that augment_batch takes are the update's.
TEST(Ctaugment, TheProbesPlanIsTheOneTheUpdateReads) {
  const AugmentConfig config{.seed = 5, .purpose = Purpose::probe_augment, .strong = Policy::ctaugment_probe};
  for (int64_t id = 0; id < 200; ++id) {
    Draws draws(5, Purpose::probe_augment, id | id << 32, 3);
    for (int word = 0; word < 3; ++word) draws.bits();
    const Plan plan = draw_plan(config, id, id, 3, 32, 32);
    int ops = 0;
    for (int depth = 0; depth < 2; ++depth) {
      const PlannedOp planned = ct_op(draw_choice(draws, nullptr), 32, 32);
      const int x = int(draws.below(32)), y = int(draws.below(32));
      if (planned.op == OpId::identity) continue;
      ASSERT_LT(ops, plan.op_count);
      EXPECT_EQ(plan.ops[ops].op, planned.op);
      EXPECT_EQ(plan.ops[ops].value, planned.value);
      EXPECT_EQ(plan.ops[ops].mix, planned.mix);
      EXPECT_TRUE(plan.ops[ops].x == x && plan.ops[ops].y == y);
      ++ops;
    }
    EXPECT_EQ(ops, plan.op_count);
    EXPECT_FALSE(plan.cutout.covers(0, 0)) << "a probe has no Cutout";
  }
}

TEST(Ctaugment, TheLastCutoutShrinksAtEveryBorder) {
  const std::vector<float> ones(kCtRows * kCtBins, 1.0f);
  std::vector<int64_t> columns(32);
  for (int64_t id = 0; id < kDraws / 4; ++id) {
    const Plan plan =
        draw_plan({.seed = 3, .purpose = Purpose::test, .strong = Policy::ctaugment}, id, 0, 0, 32, 32, ones.data());
    ASSERT_EQ(plan.cutout.x1 - plan.cutout.x0, 15);
    ++columns.at(size_t(plan.cutout.x0 + 8));
  }
  expect_uniform(columns, "centres");
}

CRC_ON_EACH_DEVICE(CtaugmentUpdate);

}  // namespace
}  // namespace crc::augment
