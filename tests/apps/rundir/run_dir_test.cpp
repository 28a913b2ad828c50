#include "apps/rundir/run_dir.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "apps/report/verify_run.h"
#include "apps/rundir/run_record.h"
#include "tests/apps/scratch_dir.h"
#include "tests/apps/sweep/child.h"
#include "tests/expect_error.h"

namespace crc::apps::test {
namespace {

using json = nlohmann::ordered_json;

const RunInfo kInfo{.arguments = {"crc_train", "run", "r.toml"},
                    .device = "cpu (2 threads)",
                    .libraries = {{"fmt", "9.1"}},
                    .determinism = "strict",
                    .data_hash = "d474",
                    .limits = {.items = 1000, .classes = 10},
                    .class_names = {"a", "b"}};

RunDir create(const fs::path& path) { return RunDir::create(path, Config(), kInfo); }

std::vector<Answer> answers_of(int64_t round) {
  std::vector<Answer> answers;
  for (int64_t i = 0; i < 4; ++i) answers.push_back({round * 4 + i, i % 10});
  return answers;
}

// A toy run with the shape of the real one: two rounds of four epochs, a checkpoint after each epoch, everything a
// function of (round, epoch). Resumes from wherever it is.
void toy_run(const fs::path& path) {
  RunDir run = fs::exists(path / "run.json") ? RunDir::open(path) : create(path);
  const auto checkpoint = run.resume();
  std::vector<RoundRow> rows = run.read_rounds();
  for (int64_t round = checkpoint ? checkpoint->info.round : 0; round < 2; ++round) {
    run.record(round, round == 0 ? "initial" : "oracle", answers_of(round));
    const bool same_round = checkpoint && checkpoint->info.round == round;
    for (int64_t epoch = same_round ? checkpoint->info.step + 1 : 1; epoch <= 4; ++epoch) {
      run.append_metrics({{"round", round}, {"epoch", epoch}, {"test_acc", 0.1 * double(round * 4 + epoch)}});
      run.save_checkpoint(
          {.round = round, .step = epoch, .round_end = epoch == 4, .ledger_head = "", .config_hash = ""},
          "weights " + std::to_string(round) + " " + std::to_string(epoch) + std::string(50, 'w'));
    }
    rows.resize(size_t(round));
    rows.push_back(
        {.round = round, .labels = labels_through(run.ledger().entries(), round), .acc_last = 0.5, .epochs = 4});
    run.files().commit({{round_name(round, "weights.safetensors"), "weights " + std::to_string(round)}});
    run.write_rounds(rows);
    rows.back().query_s = 1;
    run.files().commit({{round_name(round, "query.csv"), "item\n4\n5\n6\n7\n", true}, run.rounds_file(rows)},
                       Query{.round = round + 1, .folder = "rounds/00", .items = {4, 5, 6, 7}});
  }
  run.mark(Marker::done, "all rounds finished");
}

// Everything that must not depend on interruptions. The manifest holds the checksum of run.json, which holds the date.
std::map<std::string, std::string> outcome(const fs::path& path) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    const std::string name = fs::relative(entry.path(), path).string();
    if (entry.is_regular_file() && name != "run.json" && name != ".lock" && name != "DONE" &&
        !name.starts_with("manifest"))
      files[name] = read_file(entry);
  }
  return files;
}

// What a reader finds wrong with the run, at whatever moment it was killed.
std::vector<std::string> complaints(const fs::path& path) {
  std::vector<std::string> found;
  if (!fs::exists(path / "run.json")) return found;
  for (const FileCheck& check : verify_run(path))
    if ((check.condition == Condition::damaged || check.condition == Condition::missing) && check.name != "report.html")
      found.push_back(check.name + ": " + check.note);
  load_run(path);
  return found;
}

// The names of files that are in one only, or differ.
std::vector<std::string> differences(std::map<std::string, std::string> a, std::map<std::string, std::string> b) {
  std::vector<std::string> names;
  for (const auto& [name, content] : a) {
    if (!b.contains(name) || b[name] != content) names.push_back(name);
    b.erase(name);
  }
  for (const auto& [name, content] : b) names.push_back(name);
  return names;
}

TEST(CommandLine, IsWhatAShellTakes) {
  EXPECT_EQ(command_line("resume runs/a", {}), "crc_train resume runs/a");
  EXPECT_EQ(command_line("label runs/a labels.csv", {"run.device=cpu", "data.dir=/my data/$x", "data.dir=it's"}),
            "crc_train label runs/a labels.csv --set run.device=cpu --set 'data.dir=/my data/$x' --set "
            "'data.dir=it'\\''s'");
}

TEST(RunDir, LayoutOfANewRun) {
  ScratchDir dir;
  RunDir run = create(dir / "a/b/run");
  const json object = read_run_json(run.path());
  EXPECT_EQ(object["schema"], 1);
  EXPECT_EQ(object["config_hash"], Config().hash());
  EXPECT_EQ(object["determinism"], "strict");
  EXPECT_EQ(object["arguments"].size(), 3u);
  EXPECT_FALSE(object["commit"].get<std::string>().empty());
  EXPECT_EQ(read_file(run.path() / "config.toml"), Config().to_toml());
  EXPECT_EQ(marker_of(run.path()), Marker::none);
}

TEST(RunDir, NothingIsEverReusedUnasked) {
  ScratchDir dir;
  create(dir / "run");
  expect_error(ExitCode::output_refused, {"holds a run already", "crc_train resume", "--out"},
               [&] { create(dir / "run"); });
  fs::create_directory(dir / "other");
  commit_file(dir / "other/thesis.tex", "x");
  expect_error(ExitCode::output_refused, {"is not empty"}, [&] { create(dir / "other"); });
  expect_error(ExitCode::input_missing, {"no run.json", "crc_train run"}, [&] { RunDir::open(dir / "other"); });
  EXPECT_FALSE(fs::exists(dir / "other/.lock"));
  fs::create_directory(dir / "empty");
  create(dir / "empty");
  commit_file(dir / "file", "x");
  expect_error(ExitCode::output_refused, {}, [&] { create(dir / "file"); });
}

TEST(RunDir, OneProcessAtATime) {
  ScratchDir dir;
  RunDir run = create(dir / "run");
  expect_error(ExitCode::output_refused, {"in use by process " + std::to_string(::getpid()), host_name()},
               [&] { RunDir::open(dir / "run"); });
  expect_error(ExitCode::output_refused, {"holds a run"}, [&] { create(dir / "run"); });
}

// R9: whoever races for a directory, one wins.
TEST(RunDir, OfTwoStartersExactlyOneWins) {
  for (int race = 0; race < 50; ++race) {
    ScratchDir dir;
    int gate[2], winners = 0, refused = 0;
    ASSERT_EQ(::pipe(gate), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 2; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        char go;
        ::close(gate[1]);
        (void)!::read(gate[0], &go, 1);  // returns for both when the parent closes the gate
        try {
          create(dir / "run");
          ::_exit(0);
        } catch (const Error& error) {
          ::_exit(int(error.code()));
        }
      }
      children.push_back(child);
    }
    ::close(gate[0]);
    ::close(gate[1]);
    for (pid_t child : children) {
      int status = 0;
      ::waitpid(child, &status, 0);
      winners += WIFEXITED(status) && WEXITSTATUS(status) == 0;
      refused += WIFEXITED(status) && WEXITSTATUS(status) == 73;
    }
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(refused, 1);
  }
}

// R1 and R2: killed at any I/O call, by every kind of death, then started again: the same files as never killed.
TEST(RunDir, KilledAtEveryCallOfAWholeRun) {
  ScratchDir dir;
  const int64_t calls = count_io([&] { toy_run(dir / "reference"); });
  const auto expected = outcome(dir / "reference");
  ASSERT_GT(calls, 100);
  for (int64_t k = 1; k <= calls; ++k) {
    const fs::path path = dir / ("run-" + std::to_string(k));
    const char* action = k % 2 ? ":torn" : ":kill";
    EXPECT_TRUE(in_child("any:" + std::to_string(k) + action, [&] { toy_run(path); }).killed);
    EXPECT_EQ(complaints(path), std::vector<std::string>()) << "killed at call " << k;
    EXPECT_EQ(in_child("", [&] { toy_run(path); }).code, 0) << "restart after a kill at call " << k;
    EXPECT_EQ(differences(outcome(path), expected), std::vector<std::string>()) << "killed at call " << k;
    EXPECT_EQ(marker_of(path), Marker::done);
    EXPECT_EQ(complaints(path), std::vector<std::string>()) << "restarted after a kill at call " << k;
    fs::remove_all(path);
  }
}

// R3: an error at any I/O call ends with 74, and the run can go on.
TEST(RunDir, FailureAtEveryCallOfAWholeRun) {
  ScratchDir dir;
  const int64_t calls = count_io([&] { toy_run(dir / "reference"); });
  const auto expected = outcome(dir / "reference");
  for (int64_t k = 1; k <= calls; ++k) {
    const fs::path path = dir / ("run-" + std::to_string(k));
    EXPECT_EQ(in_child("any:" + std::to_string(k) + ":enospc", [&] { toy_run(path); }).code, 74) << "call " << k;
    EXPECT_EQ(in_child("", [&] { toy_run(path); }).code, 0) << "restart after an error at call " << k;
    EXPECT_EQ(differences(outcome(path), expected), std::vector<std::string>()) << "error at call " << k;
    fs::remove_all(path);
  }
}

TEST(RunDir, ResumeTruncatesMetricsToTheCheckpoint) {
  ScratchDir dir;
  {
    RunDir run = create(dir / "run");
    run.append_metrics({{"round", 0}, {"loss", std::nan("")}});
    run.save_checkpoint({.round = 0, .step = 1, .ledger_head = "", .config_hash = ""}, "one");
    run.append_metrics({{"round", 0}, {"loss", 0.1}});
    append_text(dir / "run/metrics.jsonl", "{\"seq\":2,\"to");
  }
  RunDir run = RunDir::open(dir / "run");
  EXPECT_THAT(run.notes(), ::testing::Contains(::testing::HasSubstr("metrics.jsonl: dropped a last line")));
  const auto checkpoint = run.resume();
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->payload, "one");
  EXPECT_EQ(read_file(dir / "run/metrics.jsonl"), "{\"seq\":0,\"round\":0,\"loss\":null}\n");
  run.append_metrics({{"round", 0}});
  EXPECT_THAT(read_file(dir / "run/metrics.jsonl"), ::testing::HasSubstr("{\"seq\":1,"));
}

TEST(RunDir, ResumeRefusesAnotherLedgerOrConfig) {
  ScratchDir dir;
  {
    RunDir run = create(dir / "run");
    run.ledger().record(0, "initial", answers_of(0));
    run.save_checkpoint({.round = 0, .step = 1, .ledger_head = "", .config_hash = ""}, "one");
  }
  Ledger::create(dir / "other.jsonl", kInfo.limits).record(0, "initial", answers_of(1));
  const std::string ledger = read_file(dir / "run/labels.jsonl");
  commit_file(dir / "run/labels.jsonl", read_file(dir / "other.jsonl"));
  expect_error(ExitCode::corrupt_data, {"not the ledger", "4 labels"}, [&] { RunDir::open(dir / "run").resume(); });
  commit_file(dir / "run/labels.jsonl", ledger);
  EXPECT_TRUE(RunDir::open(dir / "run").resume());
  Config other;
  other.merge_setting("ssl.mu=3");
  commit_file(dir / "run/config.toml", other.to_toml());
  expect_error(ExitCode::corrupt_data, {"config.toml was changed"}, [&] { RunDir::open(dir / "run"); });
}

TEST(RunDir, MarkersAndRounds) {
  ScratchDir dir;
  RunDir run = create(dir / "run");
  run.mark(Marker::waiting, "labels of round 1");
  run.mark(Marker::preempted, "SIGTERM");
  EXPECT_EQ(marker_of(dir / "run"), Marker::preempted);
  EXPECT_THAT(read_file(dir / "run/PREEMPTED"), ::testing::HasSubstr("SIGTERM"));
  run.ledger().record(0, "initial", answers_of(0));
  const RoundRow row{.round = 0, .labels = 4, .acc_last = 0.1, .lambda_min = 1e-17, .epochs = 3};
  run.write_rounds({row});
  EXPECT_EQ(run.read_rounds()[0].acc_last, 0.1);
  EXPECT_EQ(run.read_rounds()[0].lambda_min, 1e-17);
  EXPECT_TRUE(std::isnan(run.read_rounds()[0].ece));
  expect_error(ExitCode::internal, {"reports 5 labels, the ledger holds 4"},
               [&] { run.write_rounds({{.round = 0, .labels = 5}}); });
  expect_error(ExitCode::corrupt_data, {"r.csv:2: labels \"x\" is not a number; restore the file"},
               [] { rounds_from_csv(rounds_to_csv({}) + "0,x,,,,,,,,,,,0,,\n", "r.csv"); });
  expect_error(ExitCode::corrupt_data, {"r.csv:2: 2 fields where the heading has 15; restore the file"},
               [] { rounds_from_csv(rounds_to_csv({}) + "0,4\n", "r.csv"); });
  expect_error(ExitCode::corrupt_data, {"r.csv:1: is not \"round,labels,acc_last"},
               [] { rounds_from_csv("round,labels,colour\n", "r.csv"); });
  const std::vector<RoundRow> earlier = rounds_from_csv("round,labels,acc_last,epochs\n1,100,0.5,3\n", "r.csv");
  ASSERT_EQ(earlier.size(), 1u);
  EXPECT_EQ(earlier[0].labels, 100);
  EXPECT_EQ(earlier[0].epochs, 3);
  EXPECT_TRUE(std::isnan(earlier[0].lambda_min));
}

}  // namespace
}  // namespace crc::apps::test
