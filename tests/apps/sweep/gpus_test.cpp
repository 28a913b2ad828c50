#include "apps/sweep/gpus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "apps/sweep/child.h"
#include "kernels/core/context.h"

namespace crc::apps::test {
namespace {

using Texts = std::vector<std::string>;
const std::string kSees = "CUDA_VISIBLE_DEVICES=";

TEST(SweepGpus, EachProcessHasItsOwnOrSharesOne) {
  EXPECT_EQ(spread({"0", "1"}, 2), (Texts{kSees + "0", kSees + "1"}));
  EXPECT_EQ(spread({"3", "GPU-5a", "1", "0"}, 3), (Texts{kSees + "3,0", kSees + "GPU-5a", kSees + "1"}));
  EXPECT_EQ(spread({"0", "1"}, 5), (Texts{kSees + "0", kSees + "1", kSees + "0", kSees + "1", kSees + "0"}));
  EXPECT_EQ(spread({"0", "1", "2"}, 1), (Texts{kSees + "0,1,2"}));
}

TEST(SweepGpus, OneIsLeftAlone) {
  EXPECT_EQ(spread({"7"}, 3), Texts(3));
  EXPECT_EQ(spread({}, 2), Texts(2));
}

TEST(SweepGpus, AsManyAsTheProcessSees) {
  EXPECT_EQ(visible_gpus().size(), size_t(Context::gpus()));
  if (!kCudaBuild) {
    EXPECT_EQ(Context::gpus(), 0);
  }
}

// What the children below are: this program again.
TEST(SweepGpus, DISABLED_Child) {
  const char* sees = std::getenv("CUDA_VISIBLE_DEVICES");
  std::fprintf(stderr, "sees %s;", sees ? sees : "all");
}

TEST(SweepGpus, JobsFindTheirPlaceInTheirEnvironment) {
  const Job child{.arguments = {"--gtest_filter=SweepGpus.DISABLED_Child", "--gtest_also_run_disabled_tests"}};
  std::vector<Job> jobs(4, child);
  ASSERT_TRUE(run_jobs(jobs, spread({"0", "1"}, 2), [](int) {}));
  Texts words;
  for (const Job& job : jobs) {
    EXPECT_EQ(job.exit_code, 0) << job.words;
    words.push_back(job.words);
  }
  EXPECT_EQ(words[0], "sees 0;");
  EXPECT_EQ(words[1], "sees 1;");
  for (const std::string& said : words) EXPECT_TRUE(said == "sees 0;" || said == "sees 1;") << said;
}

}  // namespace
}  // namespace crc::apps::test
