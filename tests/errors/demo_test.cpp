// crc_train demo: a sweep with an end for people; whatever demo a directory holds goes on, and nothing else is touched.
#include <set>

#include "tests/errors/outside.h"
#include "tests/write_file.h"

namespace crc::test {
namespace {

const std::string kTinyDemo =
    " --set data.train_size=200 --set data.test_size=50 --set model.width=1 --set ssl.batch=4 --set ssl.mu=1"
    " --set ssl.steps_per_epoch=2 --set acquisition.rounds=1 ";

class Demo : public Outside {
 protected:
  std::string demo(const std::string& more = "") const {
    return "demo --seeds 1 --out " + folder + "/d" + kTinyDemo + more;
  }
  // A run as earlier versions made it for a demo.
  void earlier(const std::string& directory, const std::string& acquisition) const {
    expect("run demo --quiet --out " + folder + "/" + directory + kTinyDemo + "--set acquisition.name=" + acquisition +
               " --set run.seed=0 --set run.threads=1",
           0, "");
  }
  std::set<std::string> entries(const std::string& of) const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder + "/" + of)) names.insert(entry.path().filename().string());
    return names;
  }
};

TEST_F(Demo, EndsWithATableAChartAndPages) {
  const Outcome first = shell("exec 2> /dev/null; exec " + kTrain + " " + demo());
  ASSERT_EQ(first.code, 0) << first.words;
  const std::string d = folder + "/d/";
  for (const std::string& words : std::vector<std::string>{
           "\n  labels             crc          random         entropy\n      10 ", "\n      20 ",
           "labels in the ledger\n", "\nreport           " + d + "report.html\n",
           "\nlearning curves  " + d + "curves.png\n", "\nqueried images   " + d + "crc-s0/rounds/00/query.png\n"})
    EXPECT_NE(first.words.find(words), std::string::npos) << words << first.words;
  for (const char* file : {"report.html", "curves.png", "curves.svg", "table.csv", "crc-s0/rounds/00/query.png"})
    EXPECT_TRUE(fs::exists(d + file)) << file;
  EXPECT_EQ(read(d + "curves.png").substr(1, 3), "PNG");
  // The same again trains nothing and says the same; it is the sweep of its recipe.
  const std::string facts = read(d + "crc-s0/run.json");
  EXPECT_EQ(shell("exec 2> /dev/null; exec " + kTrain + " " + demo()).words, first.words);
  expect("sweep demo --quiet --trials 1 --out " + d + kTinyDemo, 0, "| crc |");
  expect("report " + folder + "/d", 0, "report.html");
  expect("verify " + folder + "/d", 0, " 0 damaged, 0 missing");
  EXPECT_EQ(read(d + "crc-s0/run.json"), facts);
}

TEST_F(Demo, WhatNoRunCouldDoIsRefusedBefore) {
  expect(demo("--set run.ranks=2"), 78, "run.ranks = 2: what processes share are the shards");
  EXPECT_FALSE(fs::exists(folder + "/d/sweep.json"));
}

TEST_F(Demo, GoesOnWithMoreSeedsAndAfterItsRecipeHasChanged) {
  expect(demo(), 0, "");
  const std::string first = read(folder + "/d/crc-s0/run.json");
  std::ofstream(folder + "/d/recipe.toml", std::ios::app) << "# of another version\n";
  expect("demo --seeds 2 --out " + folder + "/d" + kTinyDemo, 0, " ± ");
  EXPECT_TRUE(fs::exists(folder + "/d/entropy-s1/DONE"));
  EXPECT_EQ(read(folder + "/d/crc-s0/run.json"), first);
  EXPECT_EQ(expect(demo(), 0, "report.html").find(" ± 0"), std::string::npos);  // one seed of the two
  EXPECT_TRUE(fs::exists(folder + "/d/entropy-s1/DONE"));
}

TEST_F(Demo, OneOfAnEarlierVersionGoesOn) {
  fs::create_directory(folder + "/d");
  earlier("d/random-s0", "random");
  earlier("d/entropy-s0", "entropy");
  earlier("crc", "crc");
  fs::remove(folder + "/d/entropy-s0/DONE");
  for (const char* name : {".lock", "curves.png", "report.html", "notes"}) write_file(folder + "/d/" + name, "old");
  const std::string random = read(folder + "/d/random-s0/run.json"), entropy = read(folder + "/d/entropy-s0/run.json");
  expect(demo(), 0, "report.html");
  EXPECT_EQ(read(folder + "/d/random-s0/run.json"), random);
  EXPECT_EQ(read(folder + "/d/entropy-s0/run.json"), entropy);
  EXPECT_TRUE(fs::exists(folder + "/d/entropy-s0/DONE"));
  EXPECT_EQ(read(folder + "/d/notes"), "old");
  EXPECT_NE(read(folder + "/d/report.html"), "old");
  for (const char* file : {"labels.jsonl", "rounds/00/weights.safetensors", "rounds/01/weights.safetensors",
                           "rounds/00/query.csv", "rounds/00/scores.npz"})
    EXPECT_EQ(read(folder + "/d/crc-s0/" + file), read(folder + "/crc/" + file)) << file;
  expect(demo("--fresh"), 0, "report.html");  // those of an earlier version are a demo's, too
  EXPECT_NE(read(folder + "/d/random-s0/run.json"), random);
}

TEST_F(Demo, WithOtherSettingsItIsAnotherDemo) {
  expect(demo(), 0, "crc-s0");
  const std::string words = expect(demo("--set ssl.epochs=2"), 65, "ssl.epochs: 2, was 4");
  EXPECT_NE(words.find("train again with --fresh"), std::string::npos) << words;
  expect("report " + folder + "/d", 0, "report.html");           // the refused one has changed nothing
  fs::create_directories(folder + "/d/.crc-s7.removed/rounds");  // an earlier --fresh was killed
  expect(demo("--fresh --set ssl.epochs=2"), 0, "report.html");
  EXPECT_NE(read(folder + "/d/crc-s0/config.toml").find("epochs = 2 "), std::string::npos);
  for (const std::string& name : entries("d")) EXPECT_FALSE(name.ends_with(".removed")) << name;
}

TEST_F(Demo, AFreshOneRemovesNoRunThatIsInUse) {
  expect(demo(), 0, "");
  fs::remove(folder + "/d/crc-s0/DONE");
  const std::set<std::string> before = entries("d");
  const std::string index = read(folder + "/d/sweep.json");
  const std::string holder = folder + "/d/crc-s0/.lock";
  const Outcome held = shell("flock " + holder + " " + kTrain + " " + demo("--fresh --set ssl.epochs=2"));
  EXPECT_EQ(held.code, 73) << held.words;
  EXPECT_NE(held.words.find("crc-s0 is in use by"), std::string::npos) << held.words;
  EXPECT_EQ(entries("d"), before);
  EXPECT_EQ(read(folder + "/d/sweep.json"), index);
  for (const char* run : {"random-s0", "entropy-s0", "crc-s0"})
    EXPECT_TRUE(fs::exists(folder + "/d/" + run + "/rounds.csv")) << run;
  const Outcome whole = shell("flock " + folder + "/d/.lock " + kTrain + " " + demo("--fresh"));
  EXPECT_EQ(whole.code, 73) << whole.words;
}

TEST_F(Demo, ARunThatNoDemoMadeIsNeverRemoved) {
  const std::string own =
      "run demo --quiet --set data.train_size=200 --set data.test_size=50 --set ssl.epochs=1"
      " --set ssl.steps_per_epoch=1 --set acquisition.rounds=0 --out " +
      folder;
  expect(own + "/d/crc-s0", 0, "");
  for (const char* fresh : {"", "--fresh"}) expect(demo(fresh), 73, "d/crc-s0 is a run that no demo made");
  EXPECT_TRUE(fs::exists(folder + "/d/crc-s0/DONE"));
  EXPECT_FALSE(fs::exists(folder + "/d/.lock"));
  fs::rename(folder + "/d/crc-s0", folder + "/d/mine");
  expect(demo(), 73, "d/mine is a run that no demo made; name another directory");
  fs::rename(folder + "/d", folder + "/runs");
  fs::rename(folder + "/runs/mine", folder + "/d");
  expect(demo("--fresh"), 73, "/d is a run's directory");
}

TEST_F(Demo, ASweepOfAnotherRecipeIsNoDemo) {
  expect("sweep figure1 --out " + folder + "/d --slurm " + folder + "/job", 0, "");
  const std::set<std::string> before = entries("d");
  for (const char* fresh : {"", "--fresh"}) expect(demo(fresh), 73, "/d is the directory of a sweep of figure1");
  EXPECT_EQ(entries("d"), before);
}

}  // namespace
}  // namespace crc::test
