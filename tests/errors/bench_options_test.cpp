// crc_bench's options that would do nothing together.
#include "tests/errors/outside.h"

namespace crc::test {
namespace {

using BenchOptions = Outside;

TEST_F(BenchOptions, APlanIsNoMeasurement) {
  if (!fs::exists(kBench)) GTEST_SKIP() << "crc_bench is not built";
  for (const std::string option : {"--json x.jsonl", "--compare x.jsonl", "--dump-step x", "--list", "--filter add"}) {
    const Outcome refused = shell("cd " + folder + "; exec " + kBench + " --plan " + option);
    EXPECT_EQ(refused.code, 64) << option << refused.words;
    EXPECT_NE(refused.words.find("--plan"), std::string::npos) << refused.words;
  }
  EXPECT_TRUE(fs::is_empty(folder));
  const Outcome plan = shell("exec " + kBench + " --plan --method mean_teacher");
  EXPECT_EQ(plan.code, 0);
  EXPECT_NE(plan.words.find("mean_teacher WRN-28-2 300x32x32 bf16"), std::string::npos) << plan.words;
}

TEST_F(BenchOptions, AStepIsNoOtherMeasurement) {
  if (!fs::exists(kBench)) GTEST_SKIP() << "crc_bench is not built";
  for (const std::string option : {"--compare x.jsonl", "--dump-step x", "--list", "--filter add", "--plan"}) {
    const Outcome refused = shell("cd " + folder + "; exec " + kBench + " --step --device cpu " + option);
    EXPECT_EQ(refused.code, 64) << option << refused.words;
  }
  EXPECT_TRUE(fs::is_empty(folder));
  const Outcome step =
      shell("exec " + kBench + " --step --quick --max-time 0.01 --device cpu --json " + folder + "/step.jsonl");
  EXPECT_EQ(step.code, 0) << step.words;
  EXPECT_NE(step.words.find("ops together"), std::string::npos) << step.words;
  EXPECT_NE(shell("cat " + folder + "/step.jsonl").words.find("\"kind\":\"step\""), std::string::npos);
}

TEST_F(BenchOptions, APrecisionIsOfAStep) {
  if (!fs::exists(kBench)) GTEST_SKIP() << "crc_bench is not built";
  for (const std::string option : {"--list --precision bf16", "--precision fp32", "--plan --precision bf16"})
    EXPECT_EQ(shell("exec " + kBench + " " + option).code, 64) << option;
  const Outcome unknown = shell("exec " + kBench + " --dump-step " + folder + "/x --precision fp16");
  EXPECT_EQ(unknown.code, 64);
  EXPECT_NE(unknown.words.find("fp16 is not one of fp32, tf32, bf16"), std::string::npos) << unknown.words;
}

}  // namespace
}  // namespace crc::test
