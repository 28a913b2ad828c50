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

TEST_F(BenchOptions, APrecisionIsOfADumpedStep) {
  if (!fs::exists(kBench)) GTEST_SKIP() << "crc_bench is not built";
  EXPECT_EQ(shell("exec " + kBench + " --list --precision bf16").code, 64);
  const Outcome unknown = shell("exec " + kBench + " --dump-step " + folder + "/x --precision fp16");
  EXPECT_EQ(unknown.code, 64);
  EXPECT_NE(unknown.words.find("fp16 is not one of fp32, tf32, bf16"), std::string::npos) << unknown.words;
}

}  // namespace
}  // namespace crc::test
