// A whole training step of every method on the emulated GPU, counted call by call: it can be captured as a graph, the
// graph gives the bits of the plain calls, and neither allocates memory nor makes the host wait.
#include <gtest/gtest.h>

#include "nn/wrn.h"
#include "ssl/trainer.h"
#include "tests/emulator/emulator.h"

namespace crc::test {
namespace {

class WholeStep : public ::testing::TestWithParam<std::string> {
 protected:
  static constexpr int64_t kImages = 12, kSize = 8;

  WholeStep() : context(Context::cuda()), net(nn::make_wrn({.depth = 10, .width = 1, .base_channels = 2})) {
    std::vector<uint8_t> pixels(kImages * kSize * kSize * 3);
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = uint8_t(i * 2654435761u >> 24);
    std::vector<int32_t> labels(kImages);
    for (int64_t i = 0; i < kImages; ++i) labels[size_t(i)] = int32_t(i % 10), ids.push_back(i);
    images = std::make_unique<ssl::ImageSet>(context, kImages, kSize, kSize, pixels.data(), labels.data());
  }

  std::unique_ptr<ssl::Trainer> trainer() {
    ssl::TrainConfig config;
    config.method = GetParam();
    if (GetParam() == "fixmatch_ctaugment") {
      config.method = "fixmatch";
      config.strong = augment::Policy::ctaugment;
      config.weak.crop_pad = 2;
    }
    if (GetParam() == "mean_teacher") {
      config.optimizer = ssl::Optimizer::adam;
      config.ema_buffers = ssl::EmaBuffers::own;
      config.weak.crop_per_batch = true;
    }
    config.batch = 2;
    config.mu = 2;
    config.threshold = 0.1f;  // so that every pseudo-label teaches
    config.steps_per_epoch = 8;
    config.schedule.horizon = 8;
    return std::make_unique<ssl::Trainer>(context, *net, *images, ids, ids, config);
  }

  nn::TensorFile state_of(ssl::Trainer& trainer) {
    nn::TensorFile state;
    trainer.save(state);
    return state;
  }

  Context context;
  std::unique_ptr<nn::Net> net;
  std::unique_ptr<ssl::ImageSet> images;
  std::vector<int64_t> ids;
};

TEST_P(WholeStep, IsOneGraphWithoutAllocationOrWaiting) {
  const auto run = trainer();
  run->train(2);  // plain, then captured
  context.synchronize();
  const emulator::Counters before = emulator::counters();
  run->train(5);
  const emulator::Counters after = emulator::counters();
  EXPECT_EQ(after.graph_launches - before.graph_launches, 5);
  EXPECT_EQ(after.launches, before.launches) << "outside the graph";
  EXPECT_EQ(after.copies, before.copies) << "outside the graph";
  EXPECT_EQ(after.allocations, before.allocations);
  EXPECT_EQ(after.synchronizations, before.synchronizations);
}

TEST_P(WholeStep, TheGraphGivesTheBitsOfThePlainCalls) {
  const auto graph = trainer();
  graph->train(4);
  nn::TensorFile state = state_of(*trainer());
  for (int step = 0; step < 4; ++step) {  // the first step of a trainer is never a graph
    const auto plain = trainer();
    plain->restore(state, "the step before");
    plain->train(1);
    state = state_of(*plain);
  }
  EXPECT_EQ(nn::encode_safetensors(state), nn::encode_safetensors(state_of(*graph)));
}

std::vector<std::string> all_methods() {
  std::vector<std::string> names{"fixmatch_ctaugment"};
  for (const ssl::MethodEntry& method : ssl::methods()) names.push_back(method.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(, WholeStep, ::testing::ValuesIn(all_methods()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace crc::test
