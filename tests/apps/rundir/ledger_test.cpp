#include "apps/rundir/ledger.h"

#include <gmock/gmock.h>

#include <regex>

#include "tests/apps/scratch_dir.h"
#include "tests/apps/sweep/child.h"
#include "tests/expect_error.h"

namespace crc::apps::test {
namespace {

constexpr LabelLimits kLimits{.items = 1000, .classes = 10};
const std::vector<Answer> kInitial = {{17, 3}, {4, 0}, {999, 9}}, kFirst = {{5, 1}, {6, 2}};

Ledger example(const fs::path& path) {
  Ledger ledger = Ledger::create(path, kLimits);
  ledger.record(0, "initial", kInitial);
  ledger.record(1, "oracle", kFirst);
  return ledger;
}

TEST(Ledger, WhatIsRecordedIsReadBack) {
  ScratchDir dir;
  const Ledger written = example(dir / "labels.jsonl");
  const Ledger read = Ledger::open(dir / "labels.jsonl", kLimits);
  ASSERT_EQ(read.size(), 5);
  EXPECT_TRUE(std::equal(read.entries().begin(), read.entries().end(), written.entries().begin()));
  EXPECT_EQ(read.head(), written.head());
  EXPECT_EQ(read.entries()[3].item, 5);
  EXPECT_EQ(read.entries()[3].round, 1);
  EXPECT_EQ(read.entries()[3].source, "oracle");
  EXPECT_EQ(labels_through(read.entries(), 0), 3);
  EXPECT_EQ(labels_through(read.entries(), 1), 5);
  EXPECT_TRUE(read.contains(999));
  EXPECT_FALSE(read.contains(998));
  EXPECT_EQ(entries_at(read.entries(), read.entries()[2].hash), 3);
  EXPECT_EQ(entries_at(read.entries(), std::string(32, '0')), 0);
  EXPECT_EQ(entries_at(read.entries(), std::string(32, 'f')), -1);
  EXPECT_TRUE(std::regex_match(read_file(dir / "labels.jsonl").substr(0, 150),
                               std::regex(R"(\{"seq":0,"item":17,"class":3,"round":0,"source":"initial",)"
                                          R"("prev":"0{32}","hash":"[0-9a-f]{32}"\}\n[^]*)")));
}

// R6: a change of any byte is found, and the message names the line.
TEST(Ledger, EveryByteIsProtected) {
  ScratchDir dir;
  example(dir / "labels.jsonl");
  const std::string good = read_file(dir / "labels.jsonl");
  for (size_t i = 0; i < good.size(); ++i) {
    for (char changed : {'7', 'x', ' ', '\n', '"'}) {
      std::string bad = good;
      if (bad[i] == changed) continue;
      bad[i] = changed;
      commit_file(dir / "bad", bad);
      if (i + 1 == good.size()) {  // the last newline: indistinguishable from a torn line, which is never used
        EXPECT_EQ(load_ledger(dir / "bad").torn_lines, 1);
        continue;
      }
      try {
        load_ledger(dir / "bad");
        ADD_FAILURE() << "byte " << i << " changed to " << changed << " was not found";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::corrupt_data);
        EXPECT_THAT(error.what(), ::testing::HasSubstr("line "));
      }
    }
    if (i % 3) i += 2;  // two of three positions are skipped for speed; every field is longer than that
  }
}

TEST(Ledger, MessagesSayWhatIsWrong) {
  ScratchDir dir;
  example(dir / "labels.jsonl");
  const std::string good = read_file(dir / "labels.jsonl");
  auto expect = [&](const std::string& from, const std::string& to, const std::vector<std::string>& pieces) {
    commit_file(dir / "bad", std::regex_replace(good, std::regex(from), to, std::regex_constants::format_first_only));
    expect_error(ExitCode::corrupt_data, pieces, [&] { load_ledger(dir / "bad", kLimits); });
  };
  expect("\"seq\":1", "\"seq\":2", {"line 2", "has seq 2, expected 1"});
  expect("\"item\":4,", "\"item\":5,", {"line 2", "its hash does not fit"});
  expect("\"class\":0", "\"class\":\"0\"", {"line 2", "no integer \"class\""});
  expect("\"round\":1", "\"round\":0", {"line 4", "its hash does not fit"});
  expect("oracle", "human", {"line 4", "its hash does not fit"});
  expect("\"prev\":\"0", "\"prev\":\"1", {"line 1", "does not continue the chain"});
  expect("\"seq\":1,", "\"seq\": 1,", {"line 2", "exact form"});
  expect("^[^]*?\n", "", {"line 1", "has seq 1, expected 0"});  // a line removed
  expect("^", "{}\n", {"line 1", "no integer \"seq\""});
  expect("^", "\n", {"line 1", "not a JSON object"});
  expect_error(ExitCode::corrupt_data, {"line 3", "item 999", "items 0 to 499"},
               [&] { load_ledger(dir / "labels.jsonl", {.items = 500, .classes = 10}); });
  expect_error(ExitCode::corrupt_data, {"line 3", "class 9", "0 to 8"},
               [&] { load_ledger(dir / "labels.jsonl", {.items = 1000, .classes = 9}); });
}

// A chain that was made with care still cannot hold what no run would write.
TEST(Ledger, AValidChainOfImpossibleLabelsIsRefused) {
  ScratchDir dir;
  auto refused = [&](const std::vector<std::array<int, 3>>& item_class_round, const std::vector<std::string>& pieces) {
    std::string text, prev(32, '0');
    int seq = 0;
    for (const auto& [item, class_index, round] : item_class_round) {
      const std::string line = "{\"seq\":" + std::to_string(seq++) + ",\"item\":" + std::to_string(item) +
                               ",\"class\":" + std::to_string(class_index) + ",\"round\":" + std::to_string(round) +
                               ",\"source\":\"oracle\",\"prev\":\"" + prev + "\"";
      prev = checksum(line);
      text += line + ",\"hash\":\"" + prev + "\"}\n";
    }
    commit_file(dir / "made", text);
    if (pieces.empty()) {
      EXPECT_EQ(load_ledger(dir / "made", kLimits).entries.size(), item_class_round.size());
    } else {
      expect_error(ExitCode::corrupt_data, pieces, [&] { load_ledger(dir / "made", kLimits); });
    }
  };
  refused({{1, 1, 0}, {2, 2, 1}}, {});
  refused({{1, 1, 0}, {2, 2, 0}, {1, 1, 0}}, {"line 3", "item 1 a second time"});
  refused({{1, 1, 1}, {2, 2, 0}}, {"line 2", "goes back to round 0"});
  refused({{-1, 1, 0}}, {"line 1", "item -1"});
  refused({{1, -1, 0}}, {"line 1", "class -1"});
}

TEST(Ledger, ATornLastLineIsDroppedAndCounted) {
  ScratchDir dir;
  example(dir / "labels.jsonl");
  const std::string good = read_file(dir / "labels.jsonl");
  const size_t last = good.rfind('\n', good.size() - 2) + 1;
  for (size_t length = last + 1; length < good.size(); ++length) {
    commit_file(dir / "torn", good.substr(0, length));
    Ledger ledger = Ledger::open(dir / "torn", kLimits);
    EXPECT_EQ(ledger.torn_lines(), 1);
    EXPECT_EQ(ledger.size(), 4);
    EXPECT_EQ(read_file(dir / "torn"), good.substr(0, last));
    ledger.record(1, "oracle", kFirst);  // goes on with the same label
    EXPECT_EQ(read_file(dir / "torn"), good);
  }
}

// What is said of an item may change; what a round trained on does not.
TEST(Ledger, AnswersChangeFromARoundOn) {
  ScratchDir dir;
  Ledger ledger = example(dir / "labels.jsonl");
  ledger.record(2, "file:a.csv", std::vector<Answer>{{50, 3}, {51, -1, "unsure", "ann", "2026-01-31T12:34:56Z"}});
  EXPECT_EQ(ledger.change(2, "file:b.csv", std::vector<Answer>{{17, 4}, {5}, {6, 2}, {700}, {51, 7}}), 3);
  EXPECT_EQ(ledger.change(3, "file:b.csv", std::vector<Answer>{{17, 4}, {4, -1, "unsure"}, {6, -1, "unsure"}, {6, 2}}),
            5);
  EXPECT_EQ(ledger.change(3, "x", std::vector<Answer>{{4, -1, "unsure"}}), 0);
  EXPECT_EQ(ledger.change(3, "x", std::vector<Answer>{{4, -1, "none of these"}}), 2);
  const Ledger read = Ledger::open(dir / "labels.jsonl", kLimits);
  EXPECT_TRUE(std::ranges::equal(read.entries(), ledger.entries()));
  const auto at = [&](int64_t round) { return standing(read.entries(), round); };
  EXPECT_EQ(at(0).labels, (std::vector<Label>{{17, 3, 0}, {4, 0, 0}, {999, 9, 0}}));
  EXPECT_EQ(at(1).labels.size(), 5u);
  EXPECT_EQ(at(2).labels, (std::vector<Label>{{17, 4, 0}, {4, 0, 0}, {999, 9, 0}, {6, 2, 1}, {50, 3, 2}, {51, 7, 2}}));
  EXPECT_EQ(at(3).labels, (std::vector<Label>{{17, 4, 0}, {999, 9, 0}, {50, 3, 2}, {51, 7, 2}, {6, 2, 3}}));
  EXPECT_EQ(at(3).skipped, (std::vector<int64_t>{4}));
  EXPECT_EQ(labels_through(read.entries(), 1), 5);
  EXPECT_FALSE(read.contains(5));
  EXPECT_EQ(read.state(4), Ledger::kSkipped);
  // A round is recorded again as it was answered, whatever was made of the answers since.
  ledger.record(2, "file:a.csv", std::vector<Answer>{{50, 3}, {51, -1, "unsure"}});
  EXPECT_EQ(ledger.size(), read.size());
  expect_error(ExitCode::internal, {"a change of round 1 after round 3"},
               [&] { ledger.change(1, "x", std::vector<Answer>{{17}}); });
  EXPECT_NE(read_file(dir / "labels.jsonl")
                .find(R"({"seq":6,"event":"skip","item":51,"word":"unsure","round":2,)"
                      R"("source":"file:a.csv","who":"ann","when":"2026-01-31T12:34:56Z",)"),
            std::string::npos);
}

TEST(Ledger, AChainOfImpossibleChangesIsRefused) {
  ScratchDir dir;
  const auto refused = [&](const std::vector<std::string>& middles, const std::vector<std::string>& pieces) {
    std::string text, prev(32, '0');
    int seq = 0;
    for (const std::string& middle : middles) {
      const std::string line = "{\"seq\":" + std::to_string(seq++) + "," + middle + ",\"round\":0,\"source\":\"x\"" +
                               ",\"prev\":\"" + prev + "\"";
      prev = checksum(line);
      text += line + ",\"hash\":\"" + prev + "\"}\n";
    }
    commit_file(dir / "made", text);
    if (pieces.empty())
      EXPECT_EQ(load_ledger(dir / "made", kLimits).entries.size(), middles.size());
    else
      expect_error(ExitCode::corrupt_data, pieces, [&] { load_ledger(dir / "made", kLimits); });
  };
  const std::string label = R"("item":1,"class":1)", skip = R"("event":"skip","item":1,"word":"unsure")",
                    back = R"("event":"withdraw","item":1)", again = R"("event":"relabel","item":1,"class":2)";
  refused({label, again, back, skip, again}, {});
  refused({skip, skip}, {"line 2 skips item 1, which was answered before"});
  refused({label, skip}, {"line 2 skips item 1"});
  refused({back}, {"line 1 has event withdraw for item 1, where there is nothing to change"});
  refused({again}, {"line 1 has event relabel for item 1"});
  refused({label, again, again}, {"line 3 has event relabel"});
  refused({label, back, back}, {"line 3 has event withdraw"});
  refused({R"("event":"forget","item":1)"}, {"line 1 has event forget, which this version does not know"});
  refused({R"("event":"label","item":1,"class":1)"}, {"line 1 was changed: its hash does not fit"});
  refused({R"("event":"skip","item":1,"class":1)"}, {"line 1 was changed: its hash does not fit"});
  refused({R"("event":"relabel","item":1)"}, {"no integer \"class\""});
}

// The promise of the ledger: killed or failing anywhere while labels are written, a restart ends with the same labels.
TEST(Ledger, KilledAtEveryCallThenRecordedAgain) {
  ScratchDir dir;
  example(dir / "reference");
  for (const char* action : {"kill", "torn", "enospc", "short"}) {
    for (int k = 1; k <= 3; ++k) {  // open, write, fdatasync
      Ledger::create(dir / "labels.jsonl", kLimits).record(0, "initial", kInitial);
      in_child("any:" + std::to_string(k) + ":" + action,
               [&] { Ledger::open(dir / "labels.jsonl", kLimits).record(1, "oracle", kFirst); });
      Ledger::open(dir / "labels.jsonl", kLimits).record(1, "oracle", kFirst);
      EXPECT_EQ(read_file(dir / "labels.jsonl"), read_file(dir / "reference")) << action << " at call " << k;
    }
  }
}

TEST(Ledger, RefusesWhatCannotBeALabel) {
  ScratchDir dir;
  Ledger ledger = example(dir / "labels.jsonl");
  const std::string before = read_file(dir / "labels.jsonl");
  auto record = [&](int64_t round, std::vector<Answer> answers) {
    return [&ledger, round, answers] { ledger.record(round, "oracle", answers); };
  };
  expect_error(ExitCode::corrupt_data, {"item 17 already has a label"}, record(2, {{17, 3}}));
  expect_error(ExitCode::corrupt_data, {"item 50 already has a label"}, record(2, {{50, 3}, {50, 3}}));
  expect_error(ExitCode::corrupt_data, {"item 1000", "0 to 999"}, record(2, {{1000, 3}}));
  expect_error(ExitCode::corrupt_data, {"class 10", "0 to 9"}, record(2, {{50, 10}}));
  expect_error(ExitCode::corrupt_data, {"label 2 of round 1 is item 6", "asks for item 7"},
               record(1, {{5, 1}, {7, 2}}));
  expect_error(ExitCode::corrupt_data, {"asks for 1 labels only"}, record(1, {{5, 1}}));
  expect_error(ExitCode::internal, {"round 0 after"}, record(0, {{17, 3}, {4, 0}, {999, 9}, {50, 1}}));
  record(0, kInitial)();  // known
  EXPECT_EQ(read_file(dir / "labels.jsonl"), before);
  EXPECT_EQ(ledger.size(), 5);
}

}  // namespace
}  // namespace crc::apps::test
