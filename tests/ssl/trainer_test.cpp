// Every registered method through the trainer: it runs, nothing is allocated after the first step, the same seed gives
// the same bits, and a restored run continues with them.
#include "ssl/trainer.h"

#include <cmath>

#include "kernels/ops/tally_pseudo.h"
#include "tests/kernels/arrays.h"
#include "tests/ssl/small_trainers.h"

namespace crc::test {
namespace {

constexpr int64_t kSide = 8, kTrainImages = 24;

class Trainers : public SmallTrainers {
 protected:
  Trainers() {
    std::vector<uint8_t> pixels;
    for (int64_t i = 0; i < kTrainImages * kSide * kSide * 3; ++i)
      pixels.push_back(uint8_t(Draws(1, Purpose::test, i, 0).below(256)));
    std::vector<int32_t> labels;
    for (int32_t i = 0; i < kTrainImages; ++i) labels.push_back(i == 20 ? -1 : i % 4);
    images = std::make_unique<ssl::ImageSet>(context, kTrainImages, kSide, kSide, pixels.data(), labels.data());
    for (int64_t i = 4; i < kTrainImages; ++i) unlabeled.push_back(i);
  }
  static ssl::TrainConfig config_of(const std::string& method) {
    ssl::TrainConfig config;
    config.method = method;
    config.batch = 4;
    config.mu = 2;
    config.threshold = 0.0f;
    config.steps_per_epoch = 6;
    config.schedule.horizon = 100;
    config.weak.crop_pad = 2;
    config.dash.warmup = 1;
    config.simmatch.embedding = 4;
    config.dash.period = 2;
    if (method == "pi_model" || method == "mean_teacher") {
      config.mu = 1;
      config.optimizer = ssl::Optimizer::adam;
      config.schedule = {
          .rate = RateSchedule::staircase, .base_rate = 1e-3, .ema_decay = 0.9, .ema_warmup = true, .ramp = 5};
      config.tested = ssl::Tested::student;
      config.weak.crop_per_batch = true;
    }
    if (method == "mean_teacher") config.ema_buffers = ssl::EmaBuffers::own;
    return config;
  }
  std::unique_ptr<ssl::Trainer> trainer(const ssl::TrainConfig& config) {
    return trainer_of(config, labeled, unlabeled);
  }
  void repeats_itself_and_resumes(const ssl::TrainConfig& config) {
    const auto whole = trainer(config), again = trainer(config), half = trainer(config), rest = trainer(config);
    const std::string start = state_of(*whole);
    whole->train(6);
    again->train(2);
    again->train(4);
    EXPECT_NE(state_of(*whole), start);
    EXPECT_EQ(state_of(*whole), state_of(*again));
    half->train(3);
    const nn::TensorFile saved = nn::decode_safetensors(state_of(*half), "half");
    rest->restore(saved, "half");
    rest->train(3);
    EXPECT_EQ(state_of(*whole), state_of(*rest));
    const ssl::EpochLosses losses = whole->losses(6);
    EXPECT_GT(losses.labeled, 0);
    if (ssl::unlabeled_per_step(config) > 0) {
      EXPECT_GT(losses.unlabeled, 0);
    }
    EXPECT_EQ(&whole->tested(), config.tested == ssl::Tested::ema ? &whole->ema() : &whole->student());
  }

  std::vector<int64_t> labeled{0, 1, 2, 3}, unlabeled;
};

// Also with a labelled loss for unequal classes and with several averages.
TEST_P(Trainers, EveryMethodTrainsRepeatsItselfAndResumes) {
  for (const ssl::MethodEntry& method : ssl::methods())
    for (const bool more : {false, true}) {
      if (!method.get().trains()) continue;
      SCOPED_TRACE(std::string(method.name) + (more ? " and more" : ""));
      ssl::TrainConfig config = config_of(method.name);
      if (more) {
        config.logit_adjustment = ssl::LogitAdjustment::loss;
        config.class_weights = ssl::ClassWeights::effective;
        config.tested = ssl::Tested::ema;
        config.ema_buffers = ssl::EmaBuffers::averaged;
        config.ema_decays = {0.5, 0.7};
      }
      repeats_itself_and_resumes(config);
    }
}

TEST_P(Trainers, AStepThatFailsLeavesScratchMemoryFree) {
  const auto t = trainer(config_of("fixmatch"));
  t->train(1);
  context.for_each_scratch([](Arena& arena) { arena.clear(); });  // so that the next step allocates
  EXPECT_THROW(t->train(1), Error);
  context.for_each_scratch([](Arena& arena) {
    EXPECT_FALSE(arena.in_use());
    const Arena::Frame frame(arena);
    arena.take_bytes(1);
  });
  trainer(config_of("fixmatch"))->train(2);
}

TEST_P(Trainers, OfOneContextTakeTurns) {
  ssl::TrainConfig small = config_of("supervised"), large = config_of("mean_teacher");
  small.steps_per_graph = large.steps_per_graph = 2;
  const auto a = trainer(large), b = trainer(small), alone = trainer(large);
  a->train(1);
  b->train(4);
  a->train(5);
  b->train(2);
  alone->train(6);
  EXPECT_EQ(state_of(*a), state_of(*alone));
}

TEST_P(Trainers, CtaugmentsRatesLearnRepeatThemselvesAndResume) {
  ssl::TrainConfig config = config_of("fixmatch");
  config.strong = augment::Policy::ctaugment;
  const auto whole = trainer(config), half = trainer(config), rest = trainer(config);
  whole->train(6);
  half->train(3);
  rest->restore(nn::decode_safetensors(state_of(*half), "half"), "half");
  rest->train(3);
  EXPECT_EQ(state_of(*whole), state_of(*rest));
  nn::TensorFile file;
  whole->save(file);
  int moved = 0;
  for (float rate : file.at("ctaugment_rates", "state").values<float>()) {
    EXPECT_TRUE(rate > 0.9f && rate <= 1) << rate;
    moved += rate != 1;
  }
  EXPECT_GT(moved, 10);  // 6 steps of 4 probes of 2 operations
  EXPECT_LE(moved, 6 * 4 * 4);
}

// At threshold 0 every pseudo-label counts, so the recorded accuracy is that of the weak predictions: with all items of
// one class it is the share predicted as that class; unknown labels are left out.
TEST_P(Trainers, PseudoLabelAccuracyLeavesUnknownLabelsOut) {
  const auto t = trainer(config_of("fixmatch"));
  t->train(6);
  const ssl::EpochLosses losses = t->losses(6);
  EXPECT_FLOAT_EQ(float(losses.mask_rate), 1);
  nn::TensorFile state;
  t->save(state);
  const auto ring = state.at("losses", "state").values<float>();
  double known = 0, right = 0;
  for (size_t step = 0; step < 6; ++step) {
    known += ring[step * ssl::kLossColumns + ssl::kPseudoKnown];
    right += ring[step * ssl::kLossColumns + ssl::kPseudoRight];
  }
  EXPECT_LT(known, 6) << "item 20 has no label and was drawn: 48 draws pass twice over 20 items";
  EXPECT_GT(known, 5);
  EXPECT_DOUBLE_EQ(losses.pseudo_acc, right / known);
  const auto none = trainer(config_of("supervised"));
  none->train(1);
  EXPECT_TRUE(std::isnan(none->losses(1).pseudo_acc));
}

TEST_P(Trainers, WhatAMethodRemembersIsInTheCheckpointAndMissedThere) {
  const auto t = trainer(config_of("flexmatch"));
  t->train(2);
  nn::TensorFile file;
  t->save(file);
  const auto labels = file.at("method.item_labels", "state").values<float>();
  EXPECT_EQ(int64_t(labels.size()), kTrainImages);
  for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(labels[size_t(i)], -1) << "item " << i << " is no unlabelled one";
  const auto counts = file.at("method.counts", "state").values<float>();
  double marked = 0, counted = 0;
  for (const float label : labels) marked += label >= 0;
  for (const float count : counts) counted += count;
  EXPECT_EQ(marked, counted);
  EXPECT_GT(marked, 0);

  nn::TensorFile without = file, other = file;
  std::erase_if(without.tensors, [](const nn::TensorEntry& e) { return e.name == "method.counts"; });
  EXPECT_THROW(t->restore(without, "a checkpoint"), Error);
  for (nn::TensorEntry& e : other.tensors)
    if (e.name == "method.counts") e.bytes.resize(4);
  try {
    t->restore(other, "a checkpoint");
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::corrupt_data);
    EXPECT_STREQ(e.what(), "a checkpoint: 'method.counts' has 1 values, this run needs 4");
  }
}

// At threshold 0 every row is claimed; truths 0-3 come equally often but for item 20, whose label is unknown.
TEST_P(Trainers, PseudoLabelsAreJudgedByClassOverAnEpochAndResume) {
  const auto whole = trainer(config_of("fixmatch")), rest = trainer(config_of("fixmatch"));
  whole->train(5);
  nn::TensorFile file;
  whole->save(file);
  whole->train(1);
  const ssl::EpochPseudo judged = whole->pseudo_labels();
  double shares = 0, right = 0, known = 0;
  nn::TensorFile end;
  whole->save(end);
  const auto tally = end.at("pseudo_tally", "state").values<float>();
  for (size_t c = 0; c < 4; ++c) {
    shares += judged.share[c];
    right += tally[kRight * 4 + c];
    known += tally[kKnown * 4 + c];
    EXPECT_EQ(tally[kDrawn * 4 + c], 48);
    if (tally[kTrue * 4 + c] > 0) {
      EXPECT_FLOAT_EQ(float(judged.recall[c]), tally[kRight * 4 + c] / tally[kTrue * 4 + c]);
    }
  }
  EXPECT_NEAR(shares, 1, 1e-12);
  EXPECT_NEAR(judged.unclaimed, 0, 1e-12);
  EXPECT_NEAR(right / known, whole->losses(6).pseudo_acc, 1e-6) << "the ring says so too";
  rest->restore(file, "half");
  rest->train(1);
  EXPECT_EQ(state_of(*rest), state_of(*whole));

  std::erase_if(file.tensors, [](const nn::TensorEntry& e) { return e.name == "pseudo_tally"; });
  rest->restore(file, "an earlier version's");
  EXPECT_TRUE(std::isnan(rest->pseudo_labels().recall[0]));
  const auto none = trainer(config_of("supervised"));
  none->train(1);
  EXPECT_TRUE(std::isnan(none->pseudo_labels().precision[0]));
}

CRC_ON_EACH_DEVICE(Trainers);

}  // namespace
}  // namespace crc::test
