// crc_train compare, sweeps that add trials by a rule, and controls: from outside.
#include "tests/errors/outside.h"

namespace crc::test {
namespace {

const char* const kSmall = R"(schema = 2
[data]
name = "street_digits"
train_size = 100
test_size = 20
[model]
depth = 10
width = 1
base_channels = 2
first_stride = 2
[ssl]
batch = 4
mu = 1
epochs = 2
steps_per_epoch = 2
patience_epochs = 0
[acquisition]
initial = 10
budget = 10
group_size = 5
rounds = 1
model = "last"
[sweep]
title = "Small"
trials = 2
measure = "last"
[[sweep.block]]
[[sweep.block.method]]
name = "entropy"
set = ["acquisition.name=entropy"]
[[sweep.block.method]]
name = "coreset"
set = ["acquisition.name=coreset"]
)";

class Compare : public Outside {
 protected:
  Compare() { std::ofstream(folder + "/r.toml") << kSmall; }
  std::string sweep(const std::string& name, const std::string& more = "") const {
    return "sweep " + folder + "/r.toml --quiet --jobs 2 --out " + folder + "/" + name + " " + more;
  }
  std::string compare(const std::string& names, int code, const std::string& words) const {
    const Outcome o = shell("cd " + folder + "; exec " + kTrain + " compare " + names);
    EXPECT_EQ(o.code, code) << names << "\n" << o.words;
    EXPECT_NE(o.words.find(words), std::string::npos) << names << "\n" << o.words;
    return o.words;
  }
  bool exists(const std::string& name) const { return fs::exists(folder + "/" + name); }
};

TEST_F(Compare, SweepsRunsAndRecordedResults) {
  const std::string table = expect(sweep("s"), 0, "| margin | ");
  EXPECT_EQ(table.find("Test accuracy was used"), std::string::npos) << table;
  EXPECT_TRUE(exists("s/random-t0/DONE"));
  EXPECT_NE(read(folder + "/s/report.html").find("All have the same seeds: 0, 1."), std::string::npos);
  expect(sweep("two", "--without random --without margin --set ssl.lr=0.01"), 0, "| entropy | ");
  EXPECT_FALSE(exists("two/random-t0"));
  const std::string both = compare("s two --out c --record r.jsonl --page r.md", 0, "| s: coreset |");
  EXPECT_NE(both.find("| ssl.lr | 0.01: two: "), std::string::npos) << both;
  for (const char* file : {"c/report.html", "c/table.md", "c/pairs.csv"}) EXPECT_TRUE(exists(file)) << file;
  EXPECT_EQ(read(folder + "/r.md"), both);
  compare("s two --page r.md", 73, "exists");
  EXPECT_EQ(compare("r.jsonl", 0, ""), both) << "what was recorded says the same";
  EXPECT_NE(compare("s --measure best", 0, "# Small").find("the epoch whose accuracy is shown"), std::string::npos);
  compare("s/entropy-t0 s/coreset-t0 two/entropy-t1", 0, "no trial in common");
  compare("s/entropy-t0 s/entropy-t0", 64, "have the same settings and the same seed (0)");
  compare("s two s/", 64, "s/ is named twice; its results would count twice");
  compare("s --measure mean", 64, "it must be one of best, last, median, validation");
  compare("nowhere", 66, "nowhere");
  fs::create_directory(folder + "/empty");
  compare("empty", 66, "");
  std::ofstream(folder + "/bad.jsonl") << "{\"kind\":\"study\"}\n";
  compare("bad.jsonl", 65, "bad.jsonl:1");
  std::string cut = read(folder + "/r.jsonl");
  std::ofstream(folder + "/cut.jsonl") << cut.substr(0, cut.size() / 2);
  compare("cut.jsonl", 65, "cut.jsonl:");
}

TEST_F(Compare, ASweepAddsTrialsUntilItsRuleHolds) {
  const std::string rule = "--without random --without margin --until 'width < 60' ";
  const std::string words =
      expect(sweep("s", rule + "--hours 5"), 0, "the rule was fixed before the first run. Ended after ");
  EXPECT_NE(read(folder + "/s/report.html").find("or 5 h of computing are spent"), std::string::npos);
  EXPECT_EQ(expect(sweep("s", rule + "--hours 5"), 0, ""), words) << "again: nothing to do";
  expect(sweep("s", rule), 73,
         "holds a sweep with another recipe or other settings (--until: width < 60 --hours 5 there, width < 60 --hours "
         "0 now)");
  expect(sweep("s", "--without random --without margin"), 73, "holds a sweep");
  expect(sweep("b", rule + "--hours 0.00001"), 0, "Ended after 2 trials, the widest interval");
  expect(sweep("n", "--until 'width > 1'"), 64, "write \"width < 1.0\"");
  expect(sweep("n", "--hours 2"), 64, "--hours is the budget of --until");
  expect(sweep("n", "--until 'width < 1' --only entropy"), 64, "without --only and job files");
  expect(sweep("n", "--without badge"), 64, "the controls of");
  EXPECT_FALSE(exists("n"));
}

TEST_F(Compare, AnInterruptedSweepGoesOnByItsRule) {
  const std::string command = sweep("s", "--without random --without margin --until 'width < 60' --trials 2");
  for (const int signal : {SIGKILL, SIGTERM})
    for (const int milliseconds : {300, 1500}) Background(command).after(milliseconds, signal);
  expect(command, 0, "Ended after ");
  expect("verify " + folder + "/s", 0, " 0 damaged, 0 missing");
}

}  // namespace
}  // namespace crc::test
