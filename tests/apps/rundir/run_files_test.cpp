#include "apps/rundir/run_files.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "apps/rundir/ledger.h"
#include "apps/rundir/state_file.h"
#include "tests/apps/scratch_dir.h"
#include "tests/apps/sweep/child.h"
#include "tests/expect_error.h"

namespace crc::apps::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Listed {  // a folder with what every run has
  ScratchDir dir;
  Listed() {
    commit_file(dir / "labels.jsonl", "");
    commit_file(dir / "metrics.jsonl", "");
    RunFiles::create_for(dir.path()).save();
  }
  RunFiles files() const { return RunFiles(dir.path()); }
};

TEST(StateFile, EachOfTheTwoStandsInForTheOther) {
  ScratchDir dir;
  const fs::path file = dir / "s.json";
  std::vector<std::string> notes;
  EXPECT_FALSE(load_state(file, notes));
  save_state(file, {{"schema", 1}, {"value", "one"}}, 1);
  const std::string first = read_file(file);
  EXPECT_EQ(read_file(dir / "s-copy.json"), first);
  save_state(file, {{"schema", 1}, {"value", "two"}}, 2);
  const std::string good = read_file(file);
  for (const char* name : {"s.json", "s-copy.json"}) {
    for (size_t at = 0; at < good.size(); ++at)
      for (const int bit : {0, 5}) {
        std::string bad = good;
        bad[at] = char(bad[at] ^ (1 << bit));
        commit_file(dir / name, bad);
        notes.clear();
        EXPECT_EQ(load_state(file, notes)->at("value"), "two");
        EXPECT_EQ(notes.size(), 1u) << name << " byte " << at;
      }
    commit_file(dir / name, good);
  }
  commit_file(file, first);
  notes.clear();
  EXPECT_EQ(load_state(file, notes)->at("value"), "two");
  EXPECT_THAT(notes, ElementsAre(HasSubstr("s.json was replaced by an older one; ")));
  mend_state(file);
  EXPECT_EQ(read_file(file), good);
  commit_file(file, "");
  commit_file(dir / "s-copy.json", "{}");
  expect_error(ExitCode::corrupt_data, {"s.json is damaged and so is", "restore it"}, [&] { load_state(file, notes); });
}

TEST(RunFiles, WhatTheRunWroteIsReadAndNothingElse) {
  const Listed run;
  run.files().commit({{"rounds/00/best.safetensors", "weights"}, {"rounds.csv", "rows"}});
  RunFiles files = run.files();
  EXPECT_EQ(files.read("rounds/00/best.safetensors"), "weights");
  EXPECT_EQ(read_named_file(run.dir / "rounds/00/best.safetensors"), "weights");
  commit_file(run.dir / "rounds/00/best.safetensors", "weighty");
  expect_error(ExitCode::corrupt_data, {"best.safetensors was changed after the run wrote it", "ckpt/"},
               [&] { files.read("rounds/00/best.safetensors"); });
  expect_error(ExitCode::corrupt_data, {"best.safetensors was changed"},
               [&] { read_named_file(run.dir / "rounds/00/../00/best.safetensors"); });
  commit_file(run.dir / "rounds.csv", "rows and more");
  expect_error(ExitCode::corrupt_data, {"13 bytes instead of 4"}, [&] { files.read("rounds.csv"); });
  remove_file(run.dir / "rounds.csv");
  expect_error(ExitCode::corrupt_data, {"rounds.csv is missing"}, [&] { files.has("rounds.csv"); });
  EXPECT_FALSE(files.has("rounds/00/query.png"));
  expect_error(ExitCode::input_missing, {"query.png"}, [&] { files.read("rounds/00/query.png"); });
}

TEST(RunFiles, WhatGrowsIsCoveredAsFarAsItIsListed) {
  const Listed run;
  append_text(run.dir / "metrics.jsonl", "one\ntwo\n");
  run.files().save();
  append_text(run.dir / "metrics.jsonl", "three\n");
  EXPECT_EQ(run.files().read("metrics.jsonl"), "one\ntwo\nthree\n");
  run.files().truncate("metrics.jsonl", 4);
  EXPECT_EQ(run.files().read("metrics.jsonl"), "one\n");
  commit_file(run.dir / "metrics.jsonl", "onE\ntwo\n");
  expect_error(ExitCode::corrupt_data, {"metrics.jsonl was changed"}, [&] { run.files().read("metrics.jsonl"); });
  expect_error(ExitCode::corrupt_data, {"metrics.jsonl was changed"}, [&] { run.files().save(); });
}

TEST(RunFiles, AReaderFollowsARunThatGoesOn) {
  const Listed run;
  run.files().commit({{"rounds.csv", "one"}});
  RunFiles reader = run.files();
  run.files().commit({{"rounds.csv", "another"}});
  EXPECT_EQ(reader.read("rounds.csv"), "another");
}

TEST(RunFiles, KilledAtEveryCallOfACommitBothContentsAreTheRuns) {
  const auto commit = [](const fs::path& path) {
    RunFiles(path).commit({{"rounds/00/weights.safetensors", "new"}, {"rounds.csv", "second"}});
  };
  const Listed reference;
  reference.files().commit({{"rounds.csv", "first"}});
  const int64_t calls = count_io([&] { commit(reference.dir.path()); });
  for (int64_t k = 1; k <= calls; ++k) {
    const Listed run;
    run.files().commit({{"rounds.csv", "first"}});
    EXPECT_TRUE(in_child("any:" + std::to_string(k) + ":torn", [&] { commit(run.dir.path()); }).killed);
    const std::string found = run.files().read("rounds.csv");
    EXPECT_TRUE(found == "first" || found == "second") << found;
    commit(run.dir.path());
    EXPECT_EQ(run.files().read("rounds.csv"), "second");
    commit_file(run.dir / "rounds.csv", "first");
    expect_error(ExitCode::corrupt_data, {"rounds.csv was changed"}, [&] { run.files().read("rounds.csv"); });
  }
}

TEST(RunFiles, WhatPeopleMadeOfAFileIsKept) {
  const Listed run;
  const std::string name = "rounds/00/query.csv", edited = "item,class\n2,cat\n";
  const auto ask = [&](int64_t item) {
    return run.files().commit({{name, fmt::format("item\n{}\n", item), true}}, Query{1, "rounds/00", {item}});
  };
  EXPECT_THAT(ask(1), IsEmpty());
  EXPECT_THAT(ask(2), IsEmpty());
  EXPECT_EQ(read_file(run.dir / name), "item\n2\n") << "another query, and the file was as the run wrote it";
  commit_file(run.dir / name, edited);
  for (const int64_t item : {2, 3}) {
    EXPECT_THAT(ask(item), ElementsAre(name));
    EXPECT_EQ(read_file(run.dir / name), edited);
  }
  RunFiles files = run.files();
  files.list(name, edited);  // accepted as answers
  files.save();
  EXPECT_THAT(ask(3), IsEmpty());
  EXPECT_EQ(read_file(run.dir / name), edited) << "the same query once more";
  remove_file(run.dir / name);
  EXPECT_THAT(ask(3), IsEmpty());
  EXPECT_EQ(read_file(run.dir / name), "item\n3\n");
}

TEST(RunFiles, LaterQueriesAreVoidWhenARoundAsksAgain) {
  const Listed run;
  for (int64_t round : {0, 1, 2, 1}) run.files().commit({}, Query{.round = round, .folder = "f", .items = {round, 7}});
  EXPECT_THAT(run.files().queries(), ElementsAre(Query{0, "f", {0, 7}}, Query{1, "f", {1, 7}}));
}

// Somebody removed .lock, and a second process works on the run.
TEST(RunFiles, ASecondWriterIsRefusedBeforeItBreaksTheLedger) {
  ScratchDir dir;
  Ledger first = Ledger::create(dir / "labels.jsonl", {});
  Ledger second = Ledger::open(dir / "labels.jsonl", {});
  first.record(0, "initial", std::vector<Answer>{{1, 0}});
  expect_error(ExitCode::output_refused, {"another process works on the same run", ".lock", "crc_train resume"}, [&] {
    second.record(0, "initial", std::vector<Answer>{{1, 0}});
  });
  EXPECT_EQ(load_ledger(dir / "labels.jsonl").entries.size(), 1u);
}

}  // namespace
}  // namespace crc::apps::test
