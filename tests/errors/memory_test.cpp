// Too many threads asked for, too little memory allowed: words and 64, 71 or 78, from libraries and worker threads too.
#include "tests/errors/select_fixture.h"

namespace crc::test {
namespace {

const std::string kMemoryRun =
    " --quiet --set run.device=cpu --set data.name=street_digits --set data.profile=easy --set data.train_size=200 "
    "--set data.test_size=50 --set model.depth=10 --set model.width=1 --set model.first_stride=2 --set ssl.batch=4 "
    "--set ssl.mu=1 --set ssl.epochs=2 --set ssl.steps_per_epoch=3 --set acquisition.budget=10 "
    "--set acquisition.initial=10 --set acquisition.rounds=1";

class Resources : public SelectFixture {
 protected:
  std::string choose() const {
    return "cd " + folder + "; exec timeout -s KILL 60 " +
           program("--features h.npy --labeled l.npy --budget 10 --group 5 --force --out p.csv");
  }
  std::string train() const {
    return "rm -rf " + folder + "/run; exec timeout -s KILL 60 " + kTrain + " run demo --out " + folder + "/run" +
           kMemoryRun;
  }
};

TEST_F(Resources, MoreThreadsThanTheLibrariesBear) {
  const auto says = [&](const std::string& command, int code, const std::string& words) {
    const Outcome o = shell(command);
    EXPECT_EQ(o.code, code) << command << "\n" << o.words;
    EXPECT_NE(o.words.find(words), std::string::npos) << command << "\n" << o.words;
  };
  for (const std::string& command : {choose(), train(), "exec " + kTrain + " list"})
    says("export OMP_NUM_THREADS=99999; " + command, 64, "99999 threads are asked for");
  says("cd " + folder + "; exec " + program("--features h.npy --budget 5 --out p.csv --threads 1000000"), 64,
       "1000000 is not a whole number from 0 to 4096");
  says(train() + " --set run.threads=1000000", 78, "run.threads");
  says("export CRC_THREADS=1000000; " + train(), 78, "run.threads");
}

#ifndef __SANITIZE_ADDRESS__  // it reserves terabytes of address space, and has its own malloc
TEST_F(Resources, LittleAddressSpaceEndsWithWordsOrSucceeds) {
  for (int megabytes : {150, 190, 230, 280, 330, 400, 500})
    for (const std::string& command : {train(), choose()}) {
      const Outcome o = shell("ulimit -v " + std::to_string(megabytes) + "000; " + command);
      EXPECT_TRUE(o.code == 0 || o.code == 71) << megabytes << " MB: " << o.code << "\n" << o.words;
      EXPECT_TRUE(o.code == 0 || o.words.find("error: ") != std::string::npos) << o.words;
    }
}

TEST_F(Resources, AnyAllocationMayFail) {
  const std::string preload = "LD_PRELOAD=" CRC_BINARY_DIR "/tests/libfail_malloc.so";
  for (const std::string& command : {train(), choose()}) {
    const Outcome counted = shell("export FAIL_MALLOC=0; " + command.substr(0, command.find("exec")) + "exec env " +
                                  preload + command.substr(command.find("exec") + 4));
    ASSERT_EQ(counted.code, 0) << counted.words;
    const size_t at = counted.words.rfind("allocations ");
    ASSERT_NE(at, std::string::npos) << counted.words;
    const long all = std::stol(counted.words.substr(at + 12));
    for (int i = 0; i < 24; ++i) {
      const std::string call = std::to_string(1 + all * i / 24) + (i % 2 ? "+" : "");
      const Outcome o = shell("export FAIL_MALLOC=" + call + "; " + command.substr(0, command.find("exec")) +
                              "exec env " + preload + command.substr(command.find("exec") + 4));
      EXPECT_TRUE(o.code == 0 || o.code == 71) << "allocation " << call << ": " << o.code << "\n" << o.words;
    }
  }
}

TEST_F(Resources, SaysForWhatMemoryWasAsked) {
  const Outcome o = shell("ulimit -v 3000000; exec " + kTrain + " run demo --set ssl.batch=8192 --out " + folder +
                          "/m --quiet --set run.device=cpu");
  EXPECT_EQ(o.code, 71) << o.words;
  EXPECT_NE(o.words.find("': cannot allocate "), std::string::npos) << o.words;
}
#endif

TEST_F(Resources, NumbersBeyondAllCounting) {
  const std::string draws =
      "--features h.npy --labeled l.npy --budget 10 --group 5 --search independent --out p.csv --draws ";
  expect(draws + "9000000000000000000", 64, "9000000000000000000 is not a whole number from 1 to 1000000000000");
  expect(draws + "1000000000000 --groups g.npy", 78, "item numbers of candidates are more than");
  const Outcome o = shell(train() + " --set ssl.epochs=1000000000000 --set ssl.steps_per_epoch=1000000000000");
  EXPECT_EQ(o.code, 78) << o.words;
  EXPECT_NE(o.words.find("steps; choose fewer"), std::string::npos) << o.words;
}

}  // namespace
}  // namespace crc::test
