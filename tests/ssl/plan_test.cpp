// The memory of a step: no two arrays that are alive together overlap, the arena holds exactly the peak, and a dry run
// says all of it beforehand.
#include "ssl/plan.h"

#include "nn/wrn.h"
#include "ssl/trainer.h"
#include "tests/kernels/device.h"
#include "tests/ssl/schedule.h"

namespace crc::test {
namespace {

constexpr ssl::DataSize kData{.images = 24, .height = 8, .width = 8, .labeled = 4, .unlabeled = 20};

std::vector<ssl::TrainConfig> every_method() {
  std::vector<ssl::TrainConfig> all;
  for (const ssl::MethodEntry& method : ssl::methods())
    for (const bool shared_pass : {false, true}) {
      if (!method.get().trains()) continue;
      ssl::TrainConfig config;
      config.method = method.name;
      config.shared_pass = shared_pass;
      config.batch = 4;
      config.mu = 2;
      config.steps_per_epoch = 6;
      config.weak.crop_pad = 2;
      config.simmatch.embedding = 4;
      if (shared_pass) config.strong = augment::Policy::ctaugment, config.optimizer = ssl::Optimizer::adam;
      all.push_back(config);
      if (!method.get().trains()) continue;
      config.shards = 4;
      all.push_back(config);
    }
  return all;
}

class Plan : public OnDevice {
 protected:
  // One real step, traced from the first tensor on.
  Trace traced_step(const ssl::TrainConfig& config) {
    Trace trace;
    context.for_each_scratch([](Arena& arena) { arena.clear(); });
    context.trace_into(&trace);
    const std::vector<uint8_t> pixels(size_t(kData.images * kData.height * kData.width * 3), 7);
    const std::vector<int32_t> labels(size_t(kData.images), 1);
    const ssl::ImageSet images(context, kData.images, kData.height, kData.width, pixels.data(), labels.data());
    ssl::Trainer trainer(context, net_of(config), images, std::vector<int64_t>(size_t(kData.labeled)),
                         std::vector<int64_t>(size_t(kData.unlabeled)), config);
    trainer.train(1);
    int64_t peak = 0;
    context.for_each_scratch([&](Arena& arena) {
      EXPECT_EQ(arena.reserved_bytes(), arena.peak_bytes());
      peak += arena.peak_bytes();
    });
    EXPECT_EQ(peak, trace.peak_bytes());
    trainer.train(3);
    context.for_each_scratch([&](Arena& arena) { EXPECT_EQ(arena.reserved_bytes(), arena.peak_bytes()); });
    context.trace_into(nullptr);
    return trace;
  }
  const nn::Net& net_of(const ssl::TrainConfig& config) const {
    return ssl::find_method(config.method).projection(config) > 0 ? *projecting : *net;
  }
  std::unique_ptr<nn::Net> net = nn::make_wrn({.depth = 10, .width = 1, .classes = 4, .base_channels = 4});
  std::unique_ptr<nn::Net> projecting =
      nn::make_wrn({.depth = 10, .width = 1, .classes = 4, .base_channels = 4, .projection = 4});
};

TEST_P(Plan, ArraysThatAreAliveTogetherDoNotOverlap) {
  for (const ssl::TrainConfig& config : every_method()) {
    SCOPED_TRACE(config.method);
    const Trace trace = traced_step(config);
    EXPECT_GT(trace.scratch().size(), 100u);
    expect_sound_memory(trace);
  }
}

TEST_P(Plan, TheDryRunIsTheRun) {
  for (const ssl::TrainConfig& config : every_method()) {
    SCOPED_TRACE(config.method);
    const Trace dry = ssl::plan_training(net_of(config), kData, config), real = traced_step(config);
    const auto planned = schedule_of(dry), done = schedule_of(real);
    ASSERT_LE(planned.size(), done.size());
    for (size_t i = 0; i < planned.size(); ++i) ASSERT_EQ(planned[i], done[i]) << "op " << i;
    EXPECT_EQ(ssl::tensor_bytes(dry), ssl::tensor_bytes(real));
    EXPECT_LE(dry.peak_bytes(), real.peak_bytes()) << "only ops' own scratch is missing";
    expect_sound_memory(dry);
  }
}

TEST_P(Plan, ADryRunHasNoMemory) {
  const auto wide =
      nn::make_wrn({.depth = 16, .width = 4, .precision = Dtype::bf16});  // many GB of bf16, on any machine
  ssl::TrainConfig config;
  config.batch = 1600;
  const ssl::DataSize data{.images = 50000, .height = 32, .width = 32, .labeled = 4000, .unlabeled = 50000};
  const Trace trace = ssl::plan_training(*wide, data, config);
  EXPECT_GT(trace.peak_bytes(), 20ll << 30);
  expect_sound_memory(trace);
  const Trace prediction = ssl::plan_prediction(*wide, data, 500);
  EXPECT_EQ(ssl::tensor_bytes(prediction), 50000 * (256 + 10) * 4);
}

CRC_ON_EACH_DEVICE(Plan);

}  // namespace
}  // namespace crc::test
