// doctor's gate on the emulated GPU, at toy size: it meets every convolution of a step in each precision once.
#include "apps/gate/gate_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>
#include <set>

#include "kernels/core/gate.h"
#include "ssl/trainer.h"

namespace crc::apps {
namespace {

class GateCheckTest : public ::testing::Test {
 protected:
  GateCheckTest() { context.gate().set_tier(Gate::Tier::chosen); }
  ~GateCheckTest() override { unsetenv("EMULATOR_LACKS"); }
  // Every other time of a contest is so much shorter.
  void times(double factor) {
    context.gate().clock([factor, turn = 0](const std::function<void()>& run) mutable {
      run();
      return turn++ % 2 == 0 ? 1.0 : factor;
    });
  }
  GateReport checked() {
    constexpr int64_t kImages = 12, kSize = 8;
    std::vector<uint8_t> pixels(kImages * kSize * kSize * 3);
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = uint8_t(i * 2654435761u >> 24);
    const std::vector<int32_t> labels(kImages, 1);
    const ssl::ImageSet images(context, kImages, kSize, kSize, pixels.data(), labels.data());
    GateCheck check{.net = {.depth = 10, .width = 1, .base_channels = 4}, .training = {}, .items = 50, .features = 3};
    check.training.batch = 2, check.training.mu = 2, check.training.steps_per_epoch = 4;
    return check_gate(context, images, check);
  }
  Context context = Context::cuda();
};

TEST_F(GateCheckTest, MeetsEveryWeightGradientInFp32AndTf32) {
  times(0.5);
  const GateReport report = checked();
  std::set<std::string> keys;
  for (const Gate::Verdict& v : context.gate().verdicts()) EXPECT_TRUE(keys.insert(v.key).second) << v.key;
  EXPECT_EQ(report.contests, int64_t(keys.size()));
  std::map<std::string, int64_t> kinds;  // the first word or two of a key
  for (const std::string& key : keys) ++kinds[key.substr(0, key.find(key.starts_with("convolution") ? " x" : " "))];
  EXPECT_GE(kinds["conv2d_backward_weights"], 2 * 7);
  EXPECT_EQ(kinds["convolution forward + residual"], 2 * 3);        // of three blocks, in tf32 and bf16
  EXPECT_EQ(kinds["convolution backward_data + residual"], 2 * 2);  // at width 1 the first block has no shortcut
  EXPECT_GE(kinds["conv2d"], 7);                                    // in fp32 or as accurate
  EXPECT_GE(kinds["gemm"], 7);
  EXPECT_GE(kinds["gemm_batched"], 7);
  EXPECT_EQ(report.taken, report.contests);
  EXPECT_EQ(report.refused, 0);
  EXPECT_DOUBLE_EQ(report.seconds, 0.5 * report.plain_seconds);
  EXPECT_TRUE(report.notes.empty());
  EXPECT_NE(report.verdict().find("nothing computes wrong"), std::string::npos) << report.verdict();
}

// Weights after one step, by the plain ways or with everything that is faster in this clock, fused additions among it.
TEST_F(GateCheckTest, AStepWithFusedResidualsIsTheStep) {
  constexpr int64_t kImages = 12, kSize = 8;
  const auto net = nn::make_wrn({.depth = 16, .width = 1, .base_channels = 8, .tf32 = true});
  std::vector<uint8_t> pixels(kImages * kSize * kSize * 3);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = uint8_t(i * 2654435761u >> 24);
  std::vector<int32_t> labels(kImages);
  std::iota(labels.begin(), labels.end(), 0);
  for (int32_t& label : labels) label %= 10;
  std::vector<int64_t> ids(kImages);
  std::iota(ids.begin(), ids.end(), 0);
  ssl::TrainConfig config;
  config.batch = 4, config.mu = 2, config.steps_per_epoch = 4, config.steps_per_graph = 1;
  const auto trained = [&](Gate::Tier tier, int64_t steps) {
    Context gpu = Context::cuda();
    gpu.gate().set_tier(tier);
    gpu.gate().clock([turn = 0](const std::function<void()>& run) mutable {
      run();
      return turn++ % 2 == 0 ? 1.0 : 0.5;
    });
    const ssl::ImageSet images(gpu, kImages, kSize, kSize, pixels.data(), labels.data());
    ssl::Trainer trainer(gpu, *net, images, ids, ids, config);
    trainer.train(steps);
    gpu.synchronize();
    int64_t fused = 0;
    for (const Gate::Verdict& v : gpu.gate().verdicts()) fused += v.choice.way.starts_with("fused by");
    EXPECT_EQ(fused, tier == Gate::Tier::plain ? 0 : 3 + 2);
    std::vector<float> values(size_t(net->layout().total()));
    gpu.copy_out(values.data(), trainer.student().values);
    return values;
  };
  const std::vector<float> begin = trained(Gate::Tier::plain, 0), plain = trained(Gate::Tier::plain, 1),
                           fused = trained(Gate::Tier::chosen, 1);
  double moved = 0, apart = 0;
  for (size_t i = 0; i < begin.size(); ++i) {
    moved = std::max(moved, std::abs(double(plain[i]) - begin[i]));
    apart = std::max(apart, std::abs(double(plain[i]) - fused[i]));
  }
  EXPECT_GT(apart, 0);  // strict fp32 weight gradients among them
  EXPECT_LT(apart, 0.02 * moved);
  EXPECT_NE(trained(Gate::Tier::chosen, 3), fused);  // captured, replayed
}

TEST_F(GateCheckTest, WithoutTensorCoresOnlyInFp32) {
  times(2);
  setenv("EMULATOR_LACKS", "bf16", 1);
  context = Context::cuda();
  context.gate().set_tier(Gate::Tier::chosen);
  times(2);
  const GateReport report = checked();
  EXPECT_GT(report.contests, 0);
  EXPECT_EQ(report.taken, 0);
  for (const Gate::Verdict& v : context.gate().verdicts()) EXPECT_EQ(v.key.find("tf32"), std::string::npos);
}

}  // namespace
}  // namespace crc::apps
