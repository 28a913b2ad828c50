// The labelled loss of unequal classes, and predictions by adjusted logits.
#include "ssl/label_loss.h"

#include <cmath>

#include "tests/golden/hash.h"
#include "tests/ssl/schedule.h"
#include "tests/ssl/small_trainers.h"

namespace crc::test {
namespace {

TEST(LabelLoss, ShiftsAreTheLogsOfSharesAndAnUnlabelledClassCountsAsOneLabel) {
  const std::vector<float> shift = ssl::logit_shift({6, 0, 1}, 2);
  const double expected[] = {2 * std::log(6.0 / 8), 2 * std::log(1.0 / 8), 2 * std::log(1.0 / 8)};
  for (size_t c = 0; c < 3; ++c) EXPECT_EQ(shift[c], float(expected[c]));
}

TEST(LabelLoss, WeightsHaveAMeanOfOne) {
  const std::vector<int64_t> counts{100, 10, 1};
  const auto inverse = ssl::class_weights(counts, ssl::ClassWeights::inverse, 0);
  EXPECT_FLOAT_EQ(inverse[1] / inverse[0], 10);
  EXPECT_FLOAT_EQ(inverse[2] / inverse[0], 100);
  EXPECT_FLOAT_EQ((inverse[0] + inverse[1] + inverse[2]) / 3, 1);
  // Of two samples half of whose volume overlaps by chance: E_n = (1 - beta^n) / (1 - beta).
  const auto effective = ssl::class_weights({2, 1}, ssl::ClassWeights::effective, 0.5);
  EXPECT_FLOAT_EQ(effective[1] / effective[0], 1.5f);
  for (const float weight : ssl::class_weights({7, 3}, ssl::ClassWeights::effective, 0)) EXPECT_EQ(weight, 1);
  const auto near = ssl::class_weights(counts, ssl::ClassWeights::effective, 0.999999);
  for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(near[c], inverse[c], 1e-4);
}

class UnequalClasses : public SmallTrainers {
 protected:
  static constexpr int64_t kSide = 8, kItems = 24;

  UnequalClasses() {
    std::vector<uint8_t> pixels;
    for (int64_t i = 0; i < kItems * kSide * kSide * 3; ++i) pixels.push_back(uint8_t(i * 2654435761u >> 24));
    std::vector<int32_t> labels;
    for (int32_t i = 0; i < kItems; ++i) labels.push_back(i < 5 ? 0 : i % 4), ids.push_back(i);
    images = std::make_unique<ssl::ImageSet>(context, kItems, kSide, kSide, pixels.data(), labels.data());
  }
  static ssl::TrainConfig recipe() {
    ssl::TrainConfig config;
    config.batch = 4;
    config.mu = 2;
    config.threshold = 0;
    config.steps_per_epoch = 6;
    config.weak.crop_pad = 2;
    config.simmatch.embedding = 4;
    return config;
  }
  std::unique_ptr<ssl::Trainer> trainer(const ssl::TrainConfig& config) { return trainer_of(config, labeled, ids); }
  std::vector<float> values_of(const nn::Weights& weights) {
    std::vector<float> values(size_t(weights.values.size()));
    context.copy_out(values.data(), weights.values);
    return values;
  }

  std::vector<int64_t> ids, labeled{0, 1, 2, 3, 4, 5, 6};  // of classes 0 (five), 1 and 2
};

TEST_P(UnequalClasses, PredictionsAreAdjustedByTheHeadsBiasAndNothingElseChanges) {
  ssl::TrainConfig config = recipe();
  const auto plain = trainer(config);
  config.logit_adjustment = ssl::LogitAdjustment::prediction;
  config.adjustment = 0.5;
  const auto adjusted = trainer(config);
  plain->train(3);
  adjusted->train(3);
  EXPECT_EQ(state_of(*plain), state_of(*adjusted));
  std::vector<float> expected = values_of(plain->tested());
  const int64_t bias = net->layout().offset(net->layout().find("fc.bias"));
  const double shares[] = {5.0 / 8, 1.0 / 8, 1.0 / 8, 1.0 / 8};
  for (size_t c = 0; c < 4; ++c) expected[size_t(bias) + c] += float(-0.5 * std::log(shares[c]));
  EXPECT_EQ(values_of(adjusted->tested()), expected);
  EXPECT_EQ(values_of(adjusted->tested()), expected) << "the second time";
  adjusted->train(1);
  plain->train(1);
  EXPECT_EQ(state_of(*plain), state_of(*adjusted)) << "what was tested is a copy";
}

TEST_P(UnequalClasses, EveryMethodLearnsItsLabelsByTheSameLoss) {
  for (const ssl::MethodEntry& method : ssl::methods()) {
    if (!method.get().trains()) continue;
    SCOPED_TRACE(method.name);
    ssl::TrainConfig config = recipe();
    config.method = method.name;
    config.dash.warmup = 2;
    const auto plain = trainer(config);
    plain->train(1);
    config.logit_adjustment = ssl::LogitAdjustment::loss;
    const auto adjusted = trainer(config);
    adjusted->train(1);
    config.logit_adjustment = ssl::LogitAdjustment::none;
    config.class_weights = ssl::ClassWeights::inverse;
    const auto weighted = trainer(config);
    weighted->train(1);
    EXPECT_NE(plain->losses(1).labeled, adjusted->losses(1).labeled);
    EXPECT_NE(plain->losses(1).labeled, weighted->losses(1).labeled);
    EXPECT_NE(state_of(*plain), state_of(*adjusted));
    EXPECT_NE(state_of(*plain), state_of(*weighted));
  }
}

TEST_P(UnequalClasses, AMethodWithoutALossIsRefused) {
  ssl::TrainConfig config = recipe();
  config.method = "label_propagation";
  config.class_weights = ssl::ClassWeights::effective;
  try {
    ssl::check_training(config, 0, 1, 4, 20);
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::config);
    EXPECT_STREQ(e.what(),
                 "ssl.logit_adjustment and ssl.class_weights are of a loss, and ssl.method \"label_propagation\" has "
                 "none; set both to \"none\"");
  }
}

// A step with further averages has as many ops as one without, and the average of ssl.ema_decay has the same bits.
TEST_P(UnequalClasses, FurtherAveragesAreNoFurtherOps) {
  for (const ssl::EmaBuffers buffers : {ssl::EmaBuffers::copied, ssl::EmaBuffers::averaged}) {
    ssl::TrainConfig config = recipe();
    config.ema_buffers = buffers;
    const auto ops_of_a_step = [&](ssl::Trainer& t) {
      t.train(1);
      Trace trace;
      context.trace_into(&trace);
      t.train(1);
      context.trace_into(nullptr);
      return trace.ops().size();
    };
    const auto one = trainer(config);
    config.ema_decays = {0.5, 0.9, 0.99};
    const auto several = trainer(config);
    EXPECT_EQ(ops_of_a_step(*one), ops_of_a_step(*several));
    EXPECT_EQ(several->averages(), 4);
    EXPECT_EQ(values_of(one->ema()), values_of(several->ema()));
    EXPECT_EQ(values_of(several->tested()), values_of(several->ema())) << "until another is chosen";
    std::vector<std::vector<float>> seen;
    for (int64_t k = 0; k < several->averages(); ++k) {
      several->choose_average(k);
      for (const auto& other : seen) EXPECT_NE(values_of(several->tested()), other) << k;
      seen.push_back(values_of(several->tested()));
    }
  }
}

TEST_P(UnequalClasses, AveragesThatCannotBeAreRefused) {
  const auto refusal = [&](const auto& change) {
    ssl::TrainConfig config = recipe();
    config.ema_decays = {0.5};
    change(config);
    try {
      ssl::check_training(config, kSide, kSide, 7, kItems);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::config);
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refusal([](ssl::TrainConfig&) {}), "accepted");
  EXPECT_EQ(refusal([](ssl::TrainConfig& c) { c.ema_decays.assign(9, 0.5); }),
            "ssl.ema_decays has 9 decays; name at most 8");
  const std::string twice =
      "ssl.ema_decays names a decay twice, or that of ssl.ema_decay, which is kept anyway; name each other one once";
  EXPECT_EQ(refusal([](ssl::TrainConfig& c) { c.ema_decays = {0.5, 0.5}; }), twice);
  EXPECT_EQ(refusal([](ssl::TrainConfig& c) { c.ema_decays = {0.999}; }), twice);
  EXPECT_EQ(refusal([](ssl::TrainConfig& c) { c.tested = ssl::Tested::student; }),
            "ssl.ema_decays with ssl.tested = \"student\": no average is tested; leave ssl.ema_decays out");
  EXPECT_EQ(refusal([](ssl::TrainConfig& c) {
              c.method = "mean_teacher";
              c.ema_buffers = ssl::EmaBuffers::own;
            }),
            "ssl.ema_decays with ssl.ema_buffers = \"own\": only the teacher has passes; leave ssl.ema_decays out");
  EXPECT_EQ(refusal([](ssl::TrainConfig& c) { c.method = "label_propagation"; }),
            "ssl.ema_decays with ssl.method = \"label_propagation\": nothing is averaged; leave ssl.ema_decays out");
}

CRC_ON_EACH_DEVICE(UnequalClasses);

}  // namespace
}  // namespace crc::test
