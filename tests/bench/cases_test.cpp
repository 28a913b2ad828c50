// Every registered case runs, and the program's command line.
#include "bench/cases.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "bench/nn/wrn_shapes.h"
#include "bench/report.h"
#include "nn/wrn.h"

namespace crc::bench {
namespace {

const Settings kQuick{.min_time = 0, .repetitions = 1, .sample = 0, .quick = true, .now = {}};

TEST(Cases, EveryOneRunsOnce) {
  const std::vector<Case> cases = all_cases({.quick = true, .bf16 = Context::cpu(1).has_bf16()});
  EXPECT_GE(cases.size(), 50u);
  size_t with_reference = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name());
    Context context = Context::cpu(2);
    const Timing timing = measure(c, context, kQuick);
    EXPECT_TRUE(timing.accuracy.passed()) << timing.accuracy.error << " > " << timing.accuracy.tolerance;
    EXPECT_GT(timing.us.median, 0);
    with_reference += timing.accuracy.measured();
    EXPECT_GT(c.flops + c.bytes, 0);
  }
  EXPECT_GE(with_reference, 45u);  // all but draws, augmentations and whole steps
}

TEST(Cases, NamesAreUnique) {
  for (const Scale scale : {Scale{}, Scale{.bf16 = true}, Scale{.cuda = true}}) {
    std::set<std::string> names;
    for (const Case& c : all_cases(scale)) EXPECT_TRUE(names.insert(c.name()).second) << c.name();
  }
}

// A hundred of the largest took ten minutes: cuSOLVER decomposes one matrix after the other.
TEST(Cases, DenseSolversOnAGpuTakeSecondsByEstimate) {
  for (const Case& c : all_cases({.cuda = true}))
    if (c.op == "score syevd") {
      EXPECT_LE(c.flops, 2.1e10) << c.name();
    }
}

TEST(Ceilings, AreMeasured) {
  const Ceilings ceilings = measure_ceilings([] { return Context::cpu(1); }, kQuick);
  EXPECT_GT(ceilings.fp32, 0);
  EXPECT_GT(ceilings.fp64, 0);
  EXPECT_GT(ceilings.bandwidth, 0);
  EXPECT_EQ(ceilings.tensor > 0, Context::cpu(1).has_bf16());
}

TEST(WrnShapes, AddUpToTheNetwork) {
  int64_t weights = kWrnFeatures * kWrnClasses + kWrnClasses, convs = 0;
  for (const WrnConv& conv : kWrnConvs) {
    weights += conv.count * conv.problem(1, Dtype::f32).w_size();
    convs += conv.count;
  }
  EXPECT_EQ(convs, 28);  // 25 in the plain path, three shortcuts
  const auto net = nn::make_wrn({});
  EXPECT_EQ(net->layout().count(), kWrnParameters);
  EXPECT_EQ(weights, kWrnParameters - 3616);  // less batch normalisation's
  EXPECT_NEAR(wrn_forward_flops(), 428.7e6, 0.05e6);
  EXPECT_NEAR(wrn_train_flops(), 1285.2e6, 0.1e6);
}

class Program : public testing::Test {
 protected:
  // Exit code of crc_bench with these arguments; its output goes to files beside the test's.
  int run(const std::string& arguments) {
    const std::string command = CRC_BINARY_DIR "/crc_bench " + arguments + " >" + out + " 2>" + err;
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string text(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  const std::string out = testing::TempDir() + "crc_bench.out", err = testing::TempDir() + "crc_bench.err";
};

TEST_F(Program, RefusesBadFlags) {
  for (const char* bad : {"--no-such-flag", "--device tpu", "--threads many", "--threads -1", "--min-time -1",
                          "--device cpu --filter '('", "--device cpu --filter nothing_like_this"}) {
    EXPECT_EQ(run(bad), 64) << bad;
    EXPECT_NE(text(err).find("crc_bench: error: "), std::string::npos) << bad;
  }
  EXPECT_EQ(run("--device cpu --filter softmax_mse --compare /no/such/file"), 66);
  EXPECT_EQ(run("--device cpu --filter softmax_mse --json " CRC_SOURCE_DIR "/CMakeLists.txt"), 73);
}

TEST_F(Program, QuicklyRunsPartsOfAStepAndSumsThem) {
  EXPECT_EQ(run("--device cpu --quick --filter 'mean_teacher'"), 0) << text(err);
  EXPECT_NE(text(out).find("# train mean_teacher WRN-28-2 6x32x32 fp32: "), std::string::npos) << text(out);
}

TEST_F(Program, ListsWithoutMeasuring) {
  EXPECT_EQ(run("--device cpu --list --filter '^ema_update'"), 0);
  EXPECT_EQ(text(out), "ema_update 1467610 f32\n");
  EXPECT_EQ(run("--help"), 0);
}

}  // namespace
}  // namespace crc::bench
