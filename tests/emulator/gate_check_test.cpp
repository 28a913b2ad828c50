// doctor's gate on the emulated GPU, at toy size: it meets every convolution of a step in each precision once.
#include "apps/gate/gate_check.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "kernels/core/gate.h"

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
  EXPECT_EQ(report.contests % 2, 0);  // the same in both precisions
  EXPECT_GE(report.contests, 2 * 7);
  EXPECT_EQ(report.taken, report.contests);
  EXPECT_EQ(report.refused, 0);
  EXPECT_DOUBLE_EQ(report.seconds, 0.5 * report.plain_seconds);
  EXPECT_TRUE(report.notes.empty());
  EXPECT_NE(report.verdict().find("nothing computes wrong"), std::string::npos) << report.verdict();
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
