// Several cells of a sweep in one process: as good as each alone, whatever happens to one of them or to all.
#include <array>
#include <functional>

#include "tests/errors/outside.h"

namespace crc::test {
namespace {

const char* const kRecipe = R"(schema = 1
[run]
device = "cpu"
[data]
name = "street_digits"
train_size = 300
test_size = 100
[model]
depth = 10
width = 1
base_channels = 4
first_stride = 2
[ssl]
batch = 8
mu = 2
epochs = 3
steps_per_epoch = 20
[acquisition]
initial = 20
budget = 20
group_size = 10
rounds = 2
[sweep]
controls = []
title = "Two methods"
source = "nowhere"
trials = 1
initial_pools = 0
[[sweep.block]]
name = "both"
[[sweep.block.method]]
name = "CRC"
set = ["acquisition.name=crc", "ssl.method=fixmatch"]
[[sweep.block.method]]
name = "Teacher"
set = ["acquisition.name=badge", "ssl.method=mean_teacher"]
)";
const char* const kCells[] = {"crc-t0", "teacher-t0"};

class Together : public Outside {
 protected:
  // The cells alone, once for all tests.
  static void SetUpTestSuite() {
    char name[] = "/tmp/crc-test-XXXXXX";
    shared = mkdtemp(name);
    alone = shared + "/alone";
    std::ofstream(shared + "/two.toml") << kRecipe;
    const Outcome o = shell("exec " + kTrain + " " + command(alone) + " --set run.threads=1");
    ASSERT_EQ(o.code, 0) << o.words;
  }
  static void TearDownTestSuite() { fs::remove_all(shared); }
  static std::string command(const std::string& out) { return "sweep " + shared + "/two.toml --quiet --out " + out; }
  // The sweep's directory without its runs.
  void make_sweep() const { expect(command(together) + " --slurm " + folder + "/job.sh", 0, ""); }
  std::string pair() const { return command(together) + " --together 2"; }
  bool done(const char* cell) const { return fs::exists(fs::path(together) / cell / "DONE"); }
  std::array<uintmax_t, 2> log_sizes() const {
    std::array<uintmax_t, 2> sizes{};
    for (size_t i = 0; i < 2; ++i) {
      const fs::path log = fs::path(together) / kCells[i] / "log.txt";
      if (fs::exists(log)) sizes[i] = fs::file_size(log);
    }
    return sizes;
  }
  void await_growth(const std::array<uintmax_t, 2>& before) const {  // of both logs: both train
    await([&] {
      const auto now = log_sizes();
      return now[0] > before[0] && now[1] > before[1];
    });
  }
  static void await(const std::function<bool()>& condition) {
    for (int i = 0; i < 4000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  bool preempted(const char* cell) const { return fs::exists(fs::path(together) / cell / "PREEMPTED"); }
  void same_bits(const char* cell) const {
    for (const char* file :
         {"labels.jsonl", "rounds/00/query.csv", "rounds/01/query.csv", "rounds/00/scores.json",
          "rounds/00/weights.safetensors", "rounds/02/weights.safetensors", "rounds/02/best.safetensors"})
      EXPECT_EQ(read(fs::path(alone) / cell / file), read(fs::path(together) / cell / file)) << cell << " " << file;
  }
  // The same command again finishes all, as if nothing had happened.
  void continues() const {
    expect(pair(), 0, "");
    for (const char* cell : kCells) same_bits(cell);
  }
  static inline std::string shared, alone;
  const std::string together = folder + "/together";
};

TEST_F(Together, TheSameBitsAsAlone) {
  expect(pair(), 0, "");
  for (const char* cell : kCells) same_bits(cell);
}

TEST_F(Together, OneThatFailsHarmsNoOther) {
  const std::string foreign = together + "/crc-t0";
  make_sweep();
  fs::create_directories(foreign);
  std::ofstream(foreign + "/notes.txt") << "not a run";
  const std::string words = expect(pair(), 73, "crc-t0 failed with exit code 73: ");
  EXPECT_NE(words.find("crc_train: " + foreign + ": error: " + foreign + " exists and is not empty"), std::string::npos)
      << words;
  same_bits("teacher-t0");
  fs::remove_all(foreign);
  continues();
}

TEST_F(Together, AFullDiskOrAKillInTheMiddle) {
  const Outcome full = shell("CRC_FAULT=write:60:enospc exec " + kTrain + " " + pair());
  EXPECT_EQ(full.code, 74) << full.words;
  EXPECT_NE(done(kCells[0]), done(kCells[1])) << full.words;
  const Outcome killed = shell("CRC_FAULT=write:60:kill exec " + kTrain + " sweep --quiet --out " + together +
                               " --cell crc-t0 --cell teacher-t0");
  EXPECT_TRUE(killed.code == 0 || killed.code == 128 + SIGKILL) << killed.code << killed.words;
  continues();
}

TEST_F(Together, AStopSignalEndsAllAtCheckpoints) {
  make_sweep();
  for (int signal : {SIGTERM, SIGINT, SIGKILL}) {
    const auto before = log_sizes();
    Background both("sweep --quiet --out " + together + " --cell crc-t0 --cell teacher-t0");
    await_growth(before);
    EXPECT_EQ(both.after(20, signal), signal == SIGKILL ? 128 + SIGKILL : 75);
    for (const char* cell : kCells) EXPECT_FALSE(done(cell));
    for (const char* cell : kCells) EXPECT_EQ(preempted(cell), signal != SIGKILL) << cell;
  }
  continues();
}

TEST_F(Together, TheirProcessEndsAtCheckpointsWhenTheSweepDies) {
  Background sweep(pair());
  await_growth({});
  EXPECT_EQ(sweep.after(20, SIGKILL), 128 + SIGKILL);
  await([&] { return preempted(kCells[0]) && preempted(kCells[1]); });
  for (const char* cell : kCells) EXPECT_TRUE(preempted(cell)) << cell;
  await([&] { return run(pair()).code != 73; });  // its locks are free once it has ended
  for (const char* cell : kCells) same_bits(cell);
}

TEST_F(Together, EachSpeaksWithItsName) {
  make_sweep();
  const std::string words =
      expect("sweep --out " + together + " --cell crc-t0 --cell teacher-t0", 0, "Z crc-t0: round 0: training");
  EXPECT_NE(words.find("Z teacher-t0: round 0: training"), std::string::npos) << words;
  EXPECT_EQ(words.find('\r'), std::string::npos);
  EXPECT_EQ(read(together + "/crc-t0/log.txt").find("crc-t0: "), std::string::npos);
  expect("sweep --out " + together + " --cell crc-t0 --cell crc-t9", 64, "has no cell \"crc-t9\"");
}

}  // namespace
}  // namespace crc::test
