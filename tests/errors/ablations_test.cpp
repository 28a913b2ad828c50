// What an experiment may ask of a run besides its acquisition: budgets that grow, an annotator who errs, and an oracle
// that looks ahead. On frozen embeddings.
#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/errors/embedding_runs.h"

namespace crc::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Ablations : public EmbeddingRuns {
 protected:
  using json = nlohmann::json;
  std::string command(const std::string& more) const {
    return "run embeddings --quiet" + kEmbeddings + data() + "--set acquisition.first=random " + more + " ";
  }
  void refused(const std::string& settings, const std::string& words) const {
    expect(command(settings + " --out " + out("refused")), 78, words);
    EXPECT_FALSE(fs::exists(out("refused"))) << settings;
  }
  std::vector<std::string> column(const std::string& run, const std::string& name) const {  // of rounds.csv
    std::istringstream rows(read(run + "/rounds.csv"));
    std::vector<std::string> values;
    size_t wanted = std::string::npos;
    for (std::string line, cell; std::getline(rows, line);) {
      std::istringstream cells(line);
      for (size_t k = 0; std::getline(cells, cell, ','); ++k)
        if (cell == name)
          wanted = k;
        else if (k == wanted)
          values.push_back(cell);
    }
    return values;
  }
  std::vector<json> ledger(const std::string& run) const {
    std::istringstream lines(read(run + "/labels.jsonl"));
    std::vector<json> entries;
    for (std::string line; std::getline(lines, line);) entries.push_back(json::parse(line));
    return entries;
  }
};

TEST_F(Ablations, BudgetsGrowAsTheyAreGiven) {
  const std::string run_ = command("--set acquisition.name=random --set 'acquisition.budgets=9 18 36'");
  expect(run_ + "--dry-run", 0,
         "6 at first (random, 2 of each class), then 3 queries to 9, 18, 36 labels by random: 36 in");
  expect(run_ + "--out " + out(), 0, "");
  EXPECT_THAT(column(out(), "labels"), ElementsAre("6", "9", "18", "36"));
  EXPECT_THAT(read(out("run/config.toml")),
              HasSubstr("rounds = 3                                       # acquisition.bu"));
  expect("verify " + out(), 0, "");
  fs::remove(out("run/DONE"));
  expect("resume " + out(), 0, "");
  expect("resume " + out() + " --set 'acquisition.budgets=9 18'", 78, "acquisition.budgets");
  expect(run_ + "--set acquisition.rounds=0 --out " + out("none"), 0, "");
  EXPECT_THAT(column(out("none"), "labels"), ElementsAre("6"));
}

TEST_F(Ablations, BudgetsThatCannotBeAreRefused) {
  refused("--set 'acquisition.budgets=9 18 18'", "acquisition.budgets = \"9 18 18\": 18 labels come after 18");
  refused("--set 'acquisition.budgets=18 9'",
          "9 labels come after 18; each number is that of all labels after a query");
  refused("--set acquisition.budgets=9,18", "\"9,18\" is not a number of labels");
  refused("--set acquisition.budgets=0", "\"0\" is not a number of labels");
  refused("--set 'acquisition.budgets=6 12'", "the run begins with 6 labels, and the first query is to end with 6");
  refused(
      "--set 'acquisition.budgets=9 100 130'",
      "there are 120 training images, and query 3, to 130 labels, would find 20 unlabelled; leave out what is more");
  refused("--set 'acquisition.budgets=9 18 22' --set acquisition.name=crc",
          "group size 3 does not divide the budget 4");
  refused("--set 'acquisition.budgets=9 14' --set acquisition.protocol=pseudo_al --set acquisition.name=margin",
          "a balanced query of 5 cannot hold equally many of 3 classes");
}

TEST_F(Ablations, ASweepOfUnequalBudgetsWeighsByLabels) {
  const std::string sweep = "sweep embeddings --quiet --trials 1 --only '^linear-10-to-100-(random|margin|coreset)'" +
                            kEmbeddings + data() + "--set 'acquisition.budgets=9 36' ";
  expect(sweep + "--dry-run", 0, "random; 6 to 9 36 labels; up to 3 rounds");
  expect(sweep + "--out " + out(), 0, "");
  EXPECT_THAT(read(out("run/table.md")),
              HasSubstr("| Linear, 10 to 100: 6 | Linear, 10 to 100: 9 | Linear, 10 to 100: 36 |"));
  const std::vector<std::string> a = column(out("run/linear-10-to-100-random-t0"), "acc_last");
  ASSERT_EQ(a.size(), 3u);
  const double area =
      100 * (3 * (std::stod(a[0]) + std::stod(a[1])) + 27 * (std::stod(a[1]) + std::stod(a[2]))) / 2 / 30;
  std::istringstream pairs(read(out("run/pairs.csv")));
  bool found = false;
  for (std::string line; std::getline(pairs, line);)
    found = found || line.find(std::to_string(area).substr(0, 6)) != std::string::npos;
  EXPECT_TRUE(found) << area << "\n" << read(out("run/pairs.csv"));
}

TEST_F(Ablations, AnAnnotatorErrsInTheSameWayWhoeverAsks) {
  const std::string noisy = "--set data.label_noise=0.4 --set acquisition.budget=30 --set acquisition.name=";
  expect(command(noisy + "random --dry-run"), 0, "errs on 40 % of images, by data.split_seed = 0");
  std::map<int64_t, int64_t> said;
  size_t wrong = 0, labels = 0, common = 0;
  for (const std::string name : {"random", "coreset"}) {
    expect(command(noisy + name + " --set run.seed=7 --out " + out(name)), 0, "");
    for (const json& entry : ledger(out(name))) {
      const auto [at, added] = said.emplace(entry.at("item"), entry.at("class"));
      EXPECT_EQ(at->second, entry.at("class")) << name << " " << entry;
      common += !added;
      wrong += added && entry.at("source") == "noise";
      labels += added;
    }
    EXPECT_EQ(json::parse(read(out(name) + "/run.json")).at("label_noise"), 0.4);
    EXPECT_THAT(read(out(name) + "/report.html"), HasSubstr("40 % of the annotator's answers wrong"));
  }
  EXPECT_GT(common, 5u);
  EXPECT_NEAR(double(wrong), 0.4 * double(labels), 4 * std::sqrt(0.24 * double(labels)));
  fs::remove(out("random/DONE"));
  expect("resume " + out("random"), 0, "");
  expect("compare " + out("random") + " " + out("coreset"), 0, "The simulated annotator errs on 40 % of images");
}

TEST_F(Ablations, TestLabelsStayTrueAndHeldOutOnesDoNot) {
  const std::string all_wrong = "--set data.label_noise=1 --set acquisition.initial=60 --set acquisition.rounds=0 ";
  expect(command(all_wrong + "--out " + out()), 0, "");
  EXPECT_LT(accuracy(out()), 0.3) << "of a model that learnt what is never right";
  expect(command(all_wrong + "--set data.validation_size=30 --out " + out("held")), 0, "");
  std::istringstream metrics(read(out("held/metrics.jsonl")));
  std::string line;
  std::getline(metrics, line);
  EXPECT_GT(json::parse(line).at("val_acc"), json::parse(line).at("test_acc"));
  expect("eval --run " + out() + " --split train", 0, "accuracy");
  refused("--set data.label_noise=1.5", "data.label_noise = \"1.5\" is not allowed; it must be a number from 0 to 1");
  std::vector<int32_t> some(120, -1);
  for (size_t i = 0; i < 60; ++i) some[i] = int32_t(i % 3);
  put("train_labels.npy", some, {120});
  refused("--set data.label_noise=0.1", "60 of 120 training images have no label, so that people would be asked");
}

TEST_F(Ablations, TheOracleForeseesTheNextRound) {
  for (const std::string method : {"supervised", "label_propagation"}) {
    const std::string run_ = out(method);
    expect(command("--set acquisition.name=oracle --set acquisition.candidates=9 --set ssl.method=" + method +
                   " --out " + run_),
           0, "");
    const std::vector<std::string> measured = column(run_, "acc_last");
    ASSERT_EQ(measured.size(), 3u);
    for (size_t round = 0; round < 2; ++round) {
      std::istringstream rows(read(run_ + "/rounds/0" + std::to_string(round) + "/query.csv"));
      std::string line;
      std::getline(rows, line);
      std::getline(rows, line);
      EXPECT_EQ(std::stod(line.substr(line.rfind(',') + 1)), std::stod(measured[round + 1])) << method << " " << round;
    }
    EXPECT_THAT(read(run_ + "/log.txt"), HasSubstr("oracle: the best of "));
    EXPECT_THAT(read(run_ + "/report.html"),
                HasSubstr("Test accuracy was used for choices: the labels that oracle asks for."));
  }
  expect(command("--set acquisition.name=oracle --set acquisition.candidates=9 --set data.validation_size=30 --out " +
                 out("held")),
         0, "");
  EXPECT_THAT(read(out("held/report.html")), ::testing::Not(HasSubstr("Test accuracy was used for choices")));
}

TEST_F(Ablations, TheOracleIsRefusedWhereItSeesNothing) {
  const std::string oracle = "--set acquisition.name=oracle ";
  refused(oracle + "--set acquisition.first=model", "after first labels that another way has chosen");
  fs::remove(folder + "/test_labels.npy");
  refused(oracle, "takes the batch that is best on held-out or test images, and none has a label");
  std::vector<int32_t> some(120, -1);
  for (size_t i = 0; i < 60; ++i) some[i] = int32_t(i % 3);
  put("train_labels.npy", some, {120});
  refused(oracle, "trains on labels before anybody has given them, and 60 of 120 training images have none");
  const Outcome o = shell(kSelect + " --device cpu --features " + folder +
                          "/train.npy --budget 3 --group 1 --acquisition oracle --out " + folder + "/picks.csv");
  EXPECT_EQ(o.code, 78) << o.words;
  EXPECT_THAT(o.words, HasSubstr("acquisition \"oracle\" trains a run's model with each proposal"));
}

}  // namespace
}  // namespace crc::test
