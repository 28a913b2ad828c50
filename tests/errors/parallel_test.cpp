// Training in several processes: the run of one, bit for bit, whatever happens to one of them.
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>

#include "tests/errors/outside.h"

namespace crc::test {
namespace {

using Clock = std::chrono::steady_clock;

class Parallel : public Outside {
 protected:
  static std::string settings(int ranks, const std::string& more = "") {
    return " --set run.ranks=" + std::to_string(ranks) +
           " --set run.shards=4 --set run.device=cpu --set run.threads=1 --set data.name=street_digits"
           " --set data.train_size=200 --set data.test_size=50 --set model.depth=10 --set model.width=1"
           " --set model.base_channels=2 --set model.first_stride=2 --set ssl.batch=8 --set ssl.mu=2 --set ssl.epochs=2"
           " --set ssl.steps_per_epoch=4 --set acquisition.initial=20 --set acquisition.budget=10"
           " --set acquisition.group_size=5 --set acquisition.rounds=1 " +
           more;
  }
  std::string at(const std::string& run) const { return folder + "/" + run; }
  std::string start(const std::string& run, int ranks, const std::string& more = "") const {
    return "run --out " + at(run) + settings(ranks, more);
  }
  void same(const std::string& a, const std::string& b) const {
    for (const char* file : {"labels.jsonl", "rounds/00/query.csv", "rounds/00/weights.safetensors",
                             "rounds/01/weights.safetensors", "rounds/01/best.safetensors"})
      EXPECT_TRUE(read(at(a) + "/" + file) == read(at(b) + "/" + file)) << file;
  }
  static std::vector<pid_t> children(pid_t of) {
    std::ifstream in("/proc/" + std::to_string(of) + "/task/" + std::to_string(of) + "/children");
    std::vector<pid_t> found;
    for (pid_t child; in >> child;) found.push_back(child);
    return found;
  }
  static bool await(const std::function<bool()>& condition) {
    for (int i = 0; i < 6000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return condition();
  }
  bool says(const std::string& file, const std::string& words) const {
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str().find(words) != std::string::npos;
  }

  // Trains long enough that `what` happens in the middle of it, after the first epoch's checkpoint; its exit code.
  int while_training(const std::string& run, int ranks, const std::function<void(pid_t)>& what,
                     const std::string& more = kLonger) const {
    Background background(start(run, ranks, more) + " 2> " + at("words"));
    EXPECT_TRUE(await([&] { return says(at(run) + "/log.txt", "round 0 epoch 1"); }));
    what(background.pid());
    const Clock::time_point then = Clock::now();
    const int code = background.after(0, 0);
    EXPECT_LT(Clock::now() - then, std::chrono::seconds(10));
    return code;
  }
  static constexpr const char* kLonger = "--set ssl.steps_per_epoch=60";
};

TEST_F(Parallel, TheRunIsThatOfOneProcess) {
  expect(start("one", 1), 0, "done");
  for (const int ranks : {2, 4}) {
    const std::string words = expect(start("some", ranks), 0, std::to_string(ranks) + " processes share the 4 shards");
    EXPECT_EQ(words.find("done: "), words.rfind("done: ")) << "only one speaks: " << words;
    same("one", "some");
    fs::remove_all(at("some"));
  }
  EXPECT_EQ(nlohmann::json::parse(read(at("one") + "/run.json")).at("determinism"), "ranks");
}

// What a method remembers, and statistics over the whole batch: through a death, and in another number of processes.
TEST_F(Parallel, SoIsWhatAMethodRemembers) {
  const std::string more = std::string(kLonger) +
                           " --set ssl.method=flexmatch --set ssl.threshold=0.2"
                           " --set run.batch_statistics=synchronized";
  expect(start("whole", 1, more), 0, "done");
  const int code = while_training(
      "killed", 4, [](pid_t leader) { kill(children(leader).at(2), SIGKILL); }, more);
  EXPECT_EQ(code, 70) << read(at("words"));
  expect("resume " + at("killed") + " --set run.ranks=2", 0, "2 processes share");
  same("whole", "killed");
  EXPECT_EQ(read(at("whole") + "/metrics.jsonl").find("\"running.counts\":[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0]"),
            std::string::npos);
  expect("resume " + at("whole") + " --set run.batch_statistics=shard", 78, "run.batch_statistics");
}

// What an annotator gets wrong (data.label_noise) is another item's every round: all processes learn it.
TEST_F(Parallel, LabelsAreThoseOfTheRound) {
  const std::string wrong = "--set data.label_noise=0.3 --set ssl.method=supervised";
  expect(start("one", 1, wrong), 0, "done");
  expect(start("two", 2, wrong), 0, "done");
  same("one", "two");
}

TEST_F(Parallel, WhatCannotBeSharedIsRefused) {
  expect(start("run", 3), 78, "3 processes cannot have equal parts of run.shards = 4; take one of 1, 2, 4");
  expect(start("run", 8), 78, "8 processes cannot have");
  expect(start("run", 2, "--set run.shards=0"), 78, "run.ranks = 2: what processes share are the shards");
  expect(start("run", 2, "--set run.shards=16"), 78, "run.shards = 16 does not divide ssl.batch = 8");
  expect(start("run", 1, "--set run.shards=6"), 78, "run.shards = 6 is no power of two");
  expect(start("run", 3, "--dry-run"), 78, "3 processes cannot have equal parts");
  expect(start("run", 2, "--set run.shards=0 --dry-run"), 78, "run.ranks = 2: what processes share");
  const Outcome few = shell("ulimit -n 70; " + kTrain + " " + start("run", 4));
  EXPECT_EQ(few.code, 78);
  EXPECT_NE(few.words.find("run.ranks = 4: so many processes of one machine need 76 open files at the start, and the "
                           "limit is 70 (ulimit -n), enough for 3"),
            std::string::npos)
      << few.words;
  const std::string launched = "CRC_MPI_ADAPTER=/none.so OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0 ",
                    alone = kTrain + " " + start("run", 1, "--set run.shards=0");
  EXPECT_EQ(shell(launched + alone).code, 69) << "not a run for each of mpirun's processes";
  EXPECT_FALSE(fs::exists(at("run")));
  EXPECT_EQ(shell(launched + "CRC_RANKS=off " + alone).code, 0);
  fs::remove_all(at("run"));
  expect(start("run", 2), 0, "done");
  expect(start("run", 2), 73, "holds a run already");
  expect("resume " + at("run") + " --set run.shards=2", 78, "run.shards");
  expect("resume " + at("run") + " --set run.ranks=3", 78, "3 processes");
  expect("resume " + at("run") + " --set run.ranks=4", 0, "done already");
}

TEST_F(Parallel, OneThatIsKilledEndsAllAndAnyNumberGoesOn) {
  expect(start("whole", 1, kLonger), 0, "done");
  const int code = while_training("killed", 2, [](pid_t leader) {
    ASSERT_EQ(children(leader).size(), 1u);
    kill(children(leader)[0], SIGKILL);
  });
  EXPECT_EQ(code, 70) << read(at("words"));
  EXPECT_TRUE(says(at("words"), "process 1 of 2 ended before the work was done")) << read(at("words"));
  EXPECT_TRUE(says(at("words"), "Continue with: crc_train resume")) << read(at("words"));
  expect("resume " + at("killed") + " --set run.ranks=4", 0, "4 processes share");
  same("whole", "killed");
}

TEST_F(Parallel, WithoutTheFirstTheOthersEnd) {
  std::vector<pid_t> others;
  EXPECT_EQ(while_training("killed", 4, [&](pid_t leader) { others = children(leader), kill(leader, SIGKILL); }), 137);
  ASSERT_EQ(others.size(), 3u);
  for (const pid_t other : others)
    EXPECT_TRUE(await([&] { return kill(other, 0) != 0 || says("/proc/" + std::to_string(other) + "/stat", ") Z "); }));
  expect("resume " + at("killed") + " --set run.ranks=1 --quiet", 0, "");
}

TEST_F(Parallel, AStopOfAnyIsAStopOfAll) {
  for (const bool of_the_first : {true, false}) {
    const std::string run = of_the_first ? "first" : "other";
    const int code =
        while_training(run, 2, [&](pid_t leader) { kill(of_the_first ? leader : children(leader).at(0), SIGTERM); });
    EXPECT_EQ(code, 75) << read(at("words"));
    EXPECT_TRUE(says(at(run) + "/PREEMPTED", "stopped by SIGTERM"));
  }
}

}  // namespace
}  // namespace crc::test
