// Tables and figures from outside: a trial counts once, and only with those of the same images; what is missing is said.
#include "tests/errors/own_images.h"

namespace crc::test {
namespace {

const std::string kReportsRun =
    " --quiet --set run.device=cpu --set run.threads=1 --set data.name=street_digits --set data.train_size=100"
    " --set data.test_size=20 --set model.depth=10 --set model.width=1 --set model.base_channels=2"
    " --set model.first_stride=2 --set ssl.batch=4 --set ssl.mu=1 --set ssl.epochs=1 --set ssl.steps_per_epoch=2"
    " --set acquisition.name=random --set acquisition.budget=10 --set acquisition.initial=10"
    " --set acquisition.rounds=1 ";

class Reports : public OwnImages {
 protected:
  void train(const std::string& name, const std::string& settings = "") const {
    expect("run" + kReportsRun + settings + " --out " + folder + "/" + name, 0, "");
  }
  void one_method(int trials) const {
    write(folder + "/r.toml",
          "schema = 2\n[sweep]\ncontrols = []\ntitle = \"t\"\nsource = \"s\"\ntrials = " + std::to_string(trials) +
              R"(
[[sweep.block]]
name = ""
[[sweep.block.method]]
name = "A"
set = ["acquisition.name=random"]
)");
  }
  std::string report(const std::string& runs, int code, const std::string& words) const {
    const Outcome o = shell("cd " + folder + " && exec " + kTrain + " report " + runs);
    EXPECT_EQ(o.code, code) << o.words;
    EXPECT_NE(o.words.find(words), std::string::npos) << o.words;
    return o.words;
  }
};

TEST_F(Reports, ARunCountsOnce) {
  train("a");
  train("b", "--set run.seed=1");
  fs::create_directory_symlink("a", folder + "/link");
  fs::copy(folder + "/a", folder + "/copy", fs::copy_options::recursive);
  report("a link --out r", 64, "a and link are one directory: it would count as two trials");
  report("a b ./a --out r", 64, "a and ./a are one directory");
  report("b a copy --out r", 64, "a and copy are one run and its copy");
  EXPECT_FALSE(fs::exists(folder + "/r"));
  report("a b --out r", 0, "over up to 2 runs");
  report("a --out one", 0, "of one run");
}

TEST_F(Reports, RunsOnOtherImagesAreOtherRows) {
  for (const char* set : {"x", "y"})
    for (int64_t i = 0; i < 60; ++i)
      png(folder + "/" + set + "/" + (i < 40 ? "train" : "test") + "/" + std::to_string(digit(i) % 2) + "/" +
              std::to_string(i) + ".png",
          *set == 'x' ? i : i + 60);
  for (const std::string set : {"x", "y"})
    expect("run" + run_on(folder + "/" + set) + "--set acquisition.first=random --set acquisition.initial=4 --out " +
               folder + "/on-" + set,
           0, "");
  const std::string table = report("on-x on-y --out r", 0, "| random data ");
  EXPECT_NE(table.find("of one run"), std::string::npos) << table;
}

// The same accuracy in every round and trial leaves an axis no span, and rounding is none.
TEST_F(Reports, FlatCurvesAreDrawn) {
  std::string runs;
  for (int k = 0; k < 3; ++k) {
    train("flat" + std::to_string(k), "--set run.seed=" + std::to_string(k));
    runs += " flat" + std::to_string(k);
    // As an earlier version would have left it: no manifest, and every accuracy 10 %.
    const std::string run = folder + "/flat" + std::to_string(k);
    const std::string rounds = read(run + "/rounds.csv");
    data::CsvReader csv(rounds, "rounds.csv");
    data::CsvWriter out(csv.heading());
    while (csv.next()) {
      for (size_t c = 0; c < csv.heading().size(); ++c)
        out.number(csv.heading()[c].starts_with("acc_") ? "0.1" : csv[c]);
      out.end_row();
    }
    std::ofstream(run + "/rounds.csv") << out.str();
    for (const char* file : {"/manifest.json", "/manifest-copy.json"}) fs::remove(run + file);
    std::string facts = read(run + "/run.json");
    facts.erase(facts.find(",\n \"manifest\": 1"), std::string(",\n \"manifest\": 1").size());
    std::ofstream(run + "/run.json") << facts;
  }
  report(runs + " --out r", 0, "10.00 ± 0.00");
}

TEST_F(Reports, ADemoOrAFolderOfRunsIsItsRuns) {
  fs::create_directory(folder + "/all");
  train("all/a");
  train("all/b", "--set run.seed=1");
  report("all", 0, "over up to 2 runs");
  report("all", 0, "");  // its own pages are made again
  report("nothing", 66, "is not a run's directory");
}

TEST_F(Reports, ASweepSaysWhatIsMissing) {
  one_method(2);
  expect("sweep " + folder + "/r.toml --dry-run" + kReportsRun, 0, "a-t1");  // without --out
  expect("sweep " + folder + "/r.toml" + kReportsRun, 64, "--out is required");
  const std::string sweep = folder + "/s";
  const std::string whole = expect("sweep " + folder + "/r.toml --out " + sweep + kReportsRun, 0, "over up to 2 runs");
  EXPECT_EQ(whole.find("not finished"), std::string::npos) << whole;
  EXPECT_EQ(expect("verify " + sweep, 0, "").find("has not begun"), std::string::npos);
  fs::remove_all(sweep + "/a-t1");
  report("s", 0, "1 of 2 runs are not finished: a-t1.");
  EXPECT_NE(read(sweep + "/report.html").find("1 of 2 runs are not finished: a-t1."), std::string::npos);
  expect("verify " + sweep, 0, "not covered  a-t1: has not begun, or was removed");
}

TEST_F(Reports, TwoSweepsOfOneNameAreNotOneReport) {
  one_method(1);
  for (const char* name : {"x/s", "y/s"}) {
    fs::create_directory(fs::path(folder + "/" + name).parent_path());
    expect("sweep " + folder + "/r.toml --out " + folder + "/" + name + kReportsRun, 0, "of one run");
  }
  report("x/s y/s --out r", 64, "two sweeps are called s: both reports would be r/s");
  EXPECT_FALSE(fs::exists(folder + "/r"));
}

// The images have moved: the runs that go on find them where the sweep's command says.
TEST_F(Reports, AResumedCellTakesWhatMoved) {
  write_cifar10(folder + "/a", data::load({"street_digits", "", {{"train", "100"}, {"test", "20"}}}));
  one_method(1);
  std::string small = kReportsRun;
  small.replace(small.find("street_digits"), 13, "cifar10");
  for (const char* size : {" --set data.train_size=100", " --set data.test_size=20"})
    small.erase(small.find(size), std::string(size).size());
  const std::string sweep = "sweep " + folder + "/r.toml --out " + folder + "/s" + small + "--set data.dir=" + folder;
  expect(sweep + "/a", 0, "of one run");
  fs::remove(folder + "/s/a-t0/DONE");  // as if it had been killed at its end
  fs::rename(folder + "/a", folder + "/b");
  expect(sweep + "/b", 0, "of one run");
  EXPECT_TRUE(fs::exists(folder + "/s/a-t0/DONE"));
}

}  // namespace
}  // namespace crc::test
