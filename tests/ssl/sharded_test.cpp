// A step in shards: the same bits in one process and in several (threads joined by sockets), and without batch
// statistics the same step as of the whole batch.
#include "tests/ssl/sharded.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/core/numeric_class.h"
#include "ssl/plan.h"
#include "tests/apps/ranks/together.h"

namespace crc::test {
namespace {

// The states of all processes after so many steps, which are one.
std::string trained(const ssl::TrainConfig& config, int ranks, int64_t steps, const std::string& from = "") {
  const auto states = in_ranks<std::string>(ranks, [&](Ranks& all) {
    Sharded trainer(config, &all);
    if (!from.empty()) trainer->restore(nn::decode_safetensors(from, "half"), "half");
    trainer->train(steps);
    EXPECT_EQ(all.bytes() > 0, all.size() > 1);
    return trainer.state();
  });
  for (const auto& state : states) {
    EXPECT_TRUE(state && *state == states.front());
  }
  return states.front().value_or("");
}

// Two checkpoints, by these of their arrays.
void expect_close(const std::string& one, const std::string& other, const std::vector<std::string>& names) {
  const nn::TensorFile a = nn::decode_safetensors(one, "one"), b = nn::decode_safetensors(other, "other");
  for (const std::string& name : names) {
    const auto x = a.at(name, "one").values<float>(), y = b.at(name, "other").values<float>();
    float largest = 0, error = 0;
    for (size_t i = 0; i < x.size(); ++i)
      largest = std::max(largest, std::abs(x[i])), error = std::max(error, std::abs(x[i] - y[i]));
    EXPECT_TRUE(largest > 0 || name.starts_with("method.")) << name;
    EXPECT_LE(error, tolerance(NumericClass::reduce, Dtype::f32) * largest) << name;
  }
}

TEST(Shards, TheBitsAreThoseOfAnyNumberOfProcesses) {
  EXPECT_EQ(methods_that_train().size(), 14u);
  for (const std::string& method : methods_that_train()) {
    SCOPED_TRACE(method);
    const ssl::TrainConfig config = in_shards(method, 8);
    Sharded alone(config, nullptr);
    const std::string start = alone.state();
    alone->train(3);
    EXPECT_NE(alone.state(), start);
    for (const int ranks : {1, 2, 4, 8}) EXPECT_TRUE(trained(config, ranks, 3) == alone.state()) << ranks;
  }
}

TEST(Shards, GoOnInAnotherNumberOfProcesses) {
  for (const std::string& method : methods_that_train()) {
    const ssl::TrainConfig config = in_shards(method, 8);
    const std::string whole = trained(config, 1, 5), half = trained(config, 4, 2);
    EXPECT_TRUE(trained(config, 2, 3, half) == whole) << method;
    EXPECT_TRUE(trained(config, 1, 3, half) == whole) << method;
  }
}

// Statistics over the whole batch: the network's layers meet, whoever has the shards; and a step is that of one pass.
TEST(Shards, SynchronizedStatisticsAreThoseOfTheWholeBatch) {
  for (const std::string& method : methods_that_train()) {
    SCOPED_TRACE(method);
    ssl::TrainConfig config = in_shards(method, 4);
    config.batch_statistics = ssl::BatchStatistics::synchronized;
    const std::string alone = trained(config, 1, 3);
    for (const int ranks : {2, 4}) EXPECT_TRUE(trained(config, ranks, 3) == alone) << ranks;
    EXPECT_TRUE(trained(config, 4, 1, trained(config, 2, 2)) == alone);
    config.batch_statistics = ssl::BatchStatistics::shard;
    EXPECT_NE(trained(config, 1, 3), alone);
  }
}

// momentum after one step is the gradient. Augmentation draws by an image's place in its shard, so there is none.
TEST(Shards, WithSynchronizedStatisticsAStepIsThatOfTheWholeBatch) {
  for (const std::string& method : methods_that_train()) {
    SCOPED_TRACE(method);
    ssl::TrainConfig whole = in_shards(method, 0);
    whole.optimizer = ssl::Optimizer::sgd;
    whole.strong = augment::Policy::none;
    whole.weak.flip = false, whole.weak.crop_pad = 0;
    ssl::TrainConfig parts = whole;
    parts.shards = 4;
    Sharded one(whole, nullptr);
    parts.batch_statistics = ssl::BatchStatistics::synchronized;
    Sharded synchronized(parts, nullptr);
    one->train(1), synchronized->train(1);
    expect_close(one.state(), synchronized.state(), {"momentum", "student.values", "student.running", "losses"});
  }
}

// Whoever fails ends the others too, wherever they wait.
TEST(Lockstep, AFailureEndsAll) {
  for (const bool meets : {false, true}) {
    ssl::Lockstep lockstep(nullptr);
    int unwound = 0;
    struct Counts {
      int& count;
      ~Counts() { ++count; }
    };
    Context context = Context::cpu(1);
    const auto work = [&](int i, Context&) {
      const Counts counts{unwound};
      double values[2] = {double(i), 0};
      if (i == 2 && !meets) fail(ExitCode::numerical, "the third");
      lockstep.merge({values, {i == 3 && meets ? 2 : 1}, {}}, Meeting::Of::sums);
    };
    EXPECT_THROW(lockstep.run(context, 4, work), Error);
    EXPECT_EQ(unwound, 4);
    EXPECT_EQ(Meeting::current(), nullptr);
    std::vector<double> sums;  // and it works again
    lockstep.run(context, 4, [&](int i, Context&) {
      double value = i + 1;
      Meeting::current()->merge({&value, {1}, {}}, Meeting::Of::sums);
      sums.push_back(value);
    });
    EXPECT_EQ(sums, std::vector<double>(4, 10));
  }
}

// Another number of shards has other statistics, and is another experiment.
TEST(Shards, TheirNumberDecidesTheResult) {
  EXPECT_NE(trained(in_shards("fixmatch", 2), 1, 2), trained(in_shards("fixmatch", 4), 1, 2));
  EXPECT_NE(trained(in_shards("fixmatch", 2), 1, 2), trained(in_shards("fixmatch", 0), 1, 2));
}

// Every loss is a mean over the whole batch, so a network without batch normalisation learns what one pass teaches it.
TEST(Shards, WithoutBatchStatisticsAStepIsThatOfTheWholeBatch) {
  for (const std::string& method : methods_that_train()) {
    SCOPED_TRACE(method);
    ssl::TrainConfig whole = in_shards(method, 0);
    whole.strong = augment::Policy::none;
    whole.ema_buffers = ssl::EmaBuffers::copied;
    whole.optimizer = ssl::Optimizer::sgd;  // Adam divides by gradients that are nearly 0
    whole.temperature = 0.5f;
    whole.class_weights = ssl::ClassWeights::inverse;
    ssl::TrainConfig parts = whole;
    parts.shards = 4;
    Sharded one(whole, nullptr, false), four(parts, nullptr, false);
    one->train(1), four->train(1);
    Context context = Context::cpu(1);
    std::vector<std::string> names{"student.values", "momentum", "losses"};
    for (const auto& [name, values] : one->running().to_host(context)) names.push_back("method." + name);
    expect_close(one.state(), four.state(), names);
  }
}

// The tally by class and the losses' column are of the same rows.
TEST(Shards, PseudoLabelsAreJudgedOverAll) {
  const ssl::TrainConfig config = in_shards("fixmatch", 4);
  Sharded trainer(config, nullptr);
  trainer->train(4);
  const ssl::EpochLosses losses = trainer->losses(4);
  EXPECT_GT(losses.mask_rate, 0);
  const ssl::EpochPseudo pseudo = trainer->pseudo_labels();
  double claimed = 0;
  for (const double share : pseudo.share) claimed += share;
  EXPECT_NEAR(claimed, losses.mask_rate, 1e-6);
}

void refused(const ssl::TrainConfig& config, const std::string& words) {
  try {
    ssl::check_training(config, Sharded::kSide, Sharded::kSide, 10, 30);
    ADD_FAILURE() << "accepted: " << words;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::config);
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
  }
}

TEST(Shards, WhatTheyCannotBeIsRefused) {
  refused(in_shards("fixmatch", 3), "run.shards = 3 is no power of two");
  refused(in_shards("fixmatch", 16), "run.shards = 16 does not divide ssl.batch = 8");
  refused(in_shards("label_propagation", 4), "\"label_propagation\", which takes no steps");
}

// Whoever trains other weights is found out.
TEST(Shards, OtherWeightsAreAnError) {
  std::vector<std::string> errors;
  in_ranks<int>(
      2,
      [](Ranks& all) {
        ssl::TrainConfig config = in_shards("supervised", 4);
        config.seed = uint32_t(all.rank());
        Sharded trainer(config, &all);
        trainer->train(1);
        return 0;
      },
      &errors);
  EXPECT_NE(errors[0].find("process 1 has other weights than process 0 after step 1"), std::string::npos) << errors[0];
}

}  // namespace
}  // namespace crc::test
