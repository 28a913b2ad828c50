// Runs seen while they go on, from outside: crc_train watch, report --live, TensorBoard's events.
#include <algorithm>
#include <cstring>
#include <regex>

#include "tests/errors/outside.h"

namespace crc::test {
namespace {

const std::string kWatchedRun =
    " --set run.device=cpu --set run.threads=1 --set data.name=street_digits --set data.train_size=200"
    " --set data.test_size=50 --set model.depth=10 --set model.width=1 --set model.first_stride=2 --set ssl.batch=4"
    " --set ssl.mu=1 --set ssl.steps_per_epoch=3 --set acquisition.budget=10 --set acquisition.initial=10"
    " --set acquisition.rounds=1 --quiet ";

class WatchOutside : public Outside {
 protected:
  std::string run_path() const { return folder + "/run"; }
  std::string start(int64_t epochs, const std::string& more = "") const {
    return "run --out " + run_path() + kWatchedRun + "--set ssl.epochs=" + std::to_string(epochs) + " " + more;
  }
  void await(const std::string& file) const {
    for (int i = 0; i < 600 && !fs::exists(run_path() + "/" + file); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ASSERT_TRUE(fs::exists(run_path() + "/" + file));
  }
  size_t size_of(const std::string& file) const {
    std::error_code ignored;
    return fs::exists(run_path() + "/" + file) ? fs::file_size(run_path() + "/" + file, ignored) : 0;
  }
};

TEST_F(WatchOutside, APipeGetsTheTableOnce) {
  expect(start(2), 0, "");
  const std::string words = expect("watch " + run_path(), 0, "run");
  EXPECT_TRUE(std::regex_search(words, std::regex("done +1/1 +2/2 +[0-9.]+ % +20 "))) << words;
  EXPECT_EQ(words.find('\x1b'), std::string::npos);
  EXPECT_EQ(expect("watch " + run_path() + " --once", 0, "done"), words);
  expect("watch", 64, "directories");
  expect("watch " + folder + "/none", 66, "is neither a run's directory nor a sweep's");
  expect("watch " + run_path() + " --interval 0", 64, "--interval");
}

// On a terminal it is redrawn until the run is done; the run neither waits for it nor is it locked out.
TEST_F(WatchOutside, ATerminalIsRedrawnUntilTheRunIsDone) {
  if (shell("command -v script").code != 0) GTEST_SKIP() << "no script(1), which gives a program a terminal";
  Background run(start(40));
  await("run.json");
  const Outcome o = shell("TERM=xterm script -qec 'stty cols 50 rows 10; exec " + kTrain + " watch " + run_path() +
                          " --interval 0.1' /dev/null");
  EXPECT_EQ(run.after(0, 0), 0);
  EXPECT_EQ(o.code, 0);
  EXPECT_NE(o.words.find("running"), std::string::npos) << o.words;
  EXPECT_NE(o.words.find("\x1b[2A\r\x1b[J"), std::string::npos) << "a heading and a run";
  EXPECT_NE(o.words.rfind("done"), std::string::npos);
  std::stringstream lines(o.words);
  for (std::string line; std::getline(lines, line);) {
    line = std::regex_replace(line, std::regex("\x1b\\[[0-9]*[A-Z]|\r"), "");
    EXPECT_LT(line.size(), 50u + 4) << line;  // an ellipsis has three bytes
  }
}

TEST_F(WatchOutside, OfASweepShowsTheCellsToCome) {
  const Outcome o =
      run("sweep demo --trials 1 --only '^random' --out " + folder + "/sweep" + kWatchedRun + "--set ssl.epochs=1");
  EXPECT_EQ(o.code, 0) << o.words;
  const std::string words = expect("watch " + folder + "/sweep", 0, "1 done, ");
  EXPECT_NE(words.find(" to come"), std::string::npos);
  EXPECT_NE(words.find("random-"), std::string::npos);
  expect("watch " + folder + "/sweep " + folder + "/sweep", 0, "1 done");  // each run once
}

TEST_F(WatchOutside, ALiveReportBecomesAnOrdinaryOne) {
  Background run(start(80));
  await("run.json");
  Background report("report " + run_path() + " --live --interval 1 --force");
  std::string live;
  for (int i = 0; i < 600 && live.find("data-reload=\"1\"") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (fs::exists(run_path() + "/report.html")) live = read(run_path() + "/report.html");
    if (fs::exists(run_path() + "/DONE")) break;
  }
  EXPECT_NE(live.find("data-reload=\"1\""), std::string::npos);
  EXPECT_EQ(run.after(0, 0), 0);
  EXPECT_EQ(report.after(0, 0), 0);  // it ends by itself
  EXPECT_EQ(read(run_path() + "/report.html").find("data-reload"), std::string::npos);
  expect("verify " + run_path(), 0, "");
}

// Killed at any moment and resumed: an event for every line of metrics.jsonl, once.
TEST_F(WatchOutside, TensorBoardsEventsAreThoseOfMetricsAfterEveryKill) {
  const std::string file = "tensorboard/events.out.tfevents.crc";
  {
    Background run(start(30, "--set run.tensorboard=true"));
    await("run.json");
    for (int i = 0; i < 600 && size_of(file) < 2000; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(run.after(0, SIGKILL), 128 + SIGKILL);
  }
  {  // a torn tail
    std::ofstream(run_path() + "/" + file, std::ios::app | std::ios::binary)
        << std::string("\x40\0\0\0\0\0\0\0torn", 12);
    expect("resume --quiet " + run_path(), 0, "");
  }
  const std::string events = read(run_path() + "/" + file), metrics = read(run_path() + "/metrics.jsonl");
  int64_t records = 0;
  size_t at = 0;
  for (; at + 16 <= events.size(); ++records) {
    uint64_t length = 0;
    std::memcpy(&length, events.data() + at, 8);
    at += 16 + length;
  }
  EXPECT_EQ(at, events.size());
  EXPECT_EQ(records, 1 + std::count(metrics.begin(), metrics.end(), '\n'));
  expect("verify " + run_path(), 0, "");
}

TEST_F(WatchOutside, ARunOfWeeksSaysSoAtItsStart) {
  Background run(start(1'000'000'000, "--set ssl.patience_epochs=0"));
  await("log.txt");
  for (int i = 0; i < 1200 && read(run_path() + "/log.txt").find("warning:") == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(run.after(0, SIGTERM), 75);
  const std::string log = read(run_path() + "/log.txt");
  EXPECT_TRUE(std::regex_search(log, std::regex("warning: at [0-9.e-]+ s a step this run takes about [0-9]+d[0-9]+h")))
      << log;
}

TEST_F(WatchOutside, FewerCheckpointsAreKeptWhereThatIsAsked) {
  expect(start(6, "--set ckpt.keep=1"), 0, "");
  size_t kept = 0;
  for (const auto& each : fs::directory_iterator(run_path() + "/ckpt"))
    kept += each.path().extension() == ".safetensors";
  EXPECT_EQ(kept, 2u);  // the ends of two rounds
  expect(start(6, "--set ckpt.keep=0"), 78, "ckpt.keep");
}

}  // namespace
}  // namespace crc::test
