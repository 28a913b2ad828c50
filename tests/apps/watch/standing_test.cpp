#include "apps/watch/standing.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/rundir/run_dir.h"
#include "tests/apps/example_run.h"
#include "tests/apps/scratch_dir.h"

namespace crc::apps::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RunStanding at(const std::string& name, WatchState state) {
  return {.name = name,
          .state = state,
          .round = 2,
          .rounds = 5,
          .epoch = 17,
          .epochs = 350,
          .labels = 150,
          .accuracy = 0.8123,
          .rate = 4.25,
          .left = 7500,
          .age = 3};
}

TEST(WatchTable, HoldsWhatIsKnown) {
  const auto lines = watch_table({at("crc-t0", WatchState::running), {.name = "crc-t1"}}, 120);
  EXPECT_THAT(lines, ElementsAre("run     state    round   epoch  accuracy  labels  steps/s   left  last sign",
                                 "crc-t0  running    2/5  17/350   81.23 %     150     4.25  2h05m         3s",
                                 "crc-t1  to come", "1 running, 1 to come"));
}

TEST(WatchTable, IsNeverWiderThanTheTerminal) {
  const std::vector<RunStanding> runs{at("a-run-of-a-rather-long-name-that-no-terminal-holds", WatchState::running),
                                      at("kürzer", WatchState::done)};
  for (int columns = 1; columns < 140; ++columns)
    for (const std::string& line : watch_table(runs, columns)) EXPECT_LE(width_of(line), columns) << line;
  const auto narrow = watch_table(runs, 40);
  EXPECT_THAT(narrow[0], HasSubstr("accuracy"));  // what matters most stays
  EXPECT_THAT(narrow[0], ::testing::Not(HasSubstr("steps/s")));
  EXPECT_THAT(narrow[1], HasSubstr("…"));
}

TEST(WatchTable, OfManyRunsShowsThoseThatMatter) {
  std::vector<RunStanding> runs;
  for (int i = 0; i < 200; ++i) runs.push_back(at("r" + std::to_string(i), WatchState::done));
  runs[150].state = WatchState::running;
  runs[170].state = WatchState::killed;
  for (int i = 180; i < 200; ++i) runs[size_t(i)].state = WatchState::to_come;
  const auto lines = watch_table(runs, 100, 10);
  ASSERT_EQ(lines.size(), 10u);
  EXPECT_THAT(lines[7], HasSubstr("r150"));
  EXPECT_THAT(lines[8], HasSubstr("r170"));
  EXPECT_EQ(lines[9], "1 running, 1 killed, 178 done, 20 to come (192 are not shown)");
}

TEST(WatchTable, NamesDriveNoTerminal) {
  EXPECT_THAT(watch_table({at("a\x1b[2J\xff", WatchState::running)}, 100)[1], HasSubstr("a\\x1b[2J\\xff"));
}

// Where no process works on it: the marker, or that the one which did is dead.
TEST(WatchedRun, KnowsTheState) {
  ScratchDir dir;
  WatchedRun run(dir / "run", "run");
  EXPECT_EQ(run.look().state, WatchState::to_come);
  const pid_t child = ::fork();
  if (child == 0) {
    write_example_run(dir / "run", "crc", 1, {0.5, 0.6}, 3);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const RunStanding done = run.look();
  EXPECT_EQ(done.state, WatchState::done);
  EXPECT_EQ(done.labels, 100);
  EXPECT_EQ(done.round, 1);
  EXPECT_EQ(done.epoch, 3);
  EXPECT_GT(done.accuracy, 0.5);
  EXPECT_TRUE(std::isnan(done.left));

  fs::remove(dir / "run/DONE");
  EXPECT_EQ(run.look().state, WatchState::killed);
  {
    const RunDir held = RunDir::open(dir / "run");
    EXPECT_EQ(run.look().state, WatchState::running);  // by this process
    EXPECT_EQ(RunFiles(dir / "run").damage("rounds.csv"), std::nullopt);
  }
  commit_file(dir / "run/.lock", "process 1 on another-host, boot x, since 2026-01-31T12:34:56Z\n");
  EXPECT_EQ(run.look().state, WatchState::running);  // it has just written
  for (const char* name : {"log.txt", "metrics.jsonl", "labels.jsonl", "manifest.json", "ckpt/index.json", "run.json"})
    if (fs::exists(dir.path() / "run" / name))
      fs::last_write_time(dir.path() / "run" / name, fs::file_time_type::clock::now() - std::chrono::hours(5));
  EXPECT_EQ(run.look().state, WatchState::silent);
  EXPECT_NEAR(run.look().age, 5 * 3600, 60);
  for (const auto& [marker, state] :
       {std::pair{"WAITING", WatchState::waiting}, {"PREEMPTED", WatchState::preempted}}) {
    commit_file(dir.path() / "run" / marker, "");
    EXPECT_EQ(run.look().state, state);
    fs::remove(dir.path() / "run" / marker);
  }
  fs::remove_all(dir / "run");
  EXPECT_EQ(run.look().state, WatchState::gone);
}

TEST(WatchedRun, OfASettingsFileThatIsDamagedSaysSo) {
  ScratchDir dir;
  write_example_run(dir / "run", "crc", 1, {0.5}, 3);
  fs::remove(dir / "run/DONE");
  commit_file(dir / "run/config.toml", "not = [TOML");
  EXPECT_EQ(WatchedRun(dir / "run", "run").look().state, WatchState::damaged);
}

}  // namespace
}  // namespace crc::apps::test
