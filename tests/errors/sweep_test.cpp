// The paper's tables, scaled down to built-in digits and a small net: every protocol through all its rounds,
// interrupted and continued, with the report. And the other commands that make files.
#include "tests/errors/outside.h"

namespace crc::test {
namespace {

const std::string kSweepCell =
    " --set run.device=cpu --set run.threads=1 --set data.name=street_digits --set data.train_size=400"
    " --set data.test_size=100 --set model.depth=10 --set model.width=1 --set model.base_channels=4"
    " --set model.first_stride=2 --set model.bn_momentum=0.1 --set ssl.batch=8 --set ssl.mu=2 --set ssl.epochs=2"
    " --set ssl.steps_per_epoch=3 --set data.validation_size=20 --jobs 2 --quiet";

class Sweeps : public Outside {
 protected:
  std::string run(const std::string& arguments, int code) const { return expect(arguments, code, ""); }
  // All rounds of the table's random and CRC runs, and its report.
  std::string sweep(const std::string& table, const std::string& more = "") {
    return run("sweep " + table + " --out " + folder + "/" + table + kSweepCell + " --trials 1 --pools 1 " + more, 0);
  }
};

TEST_F(Sweeps, Table3PseudoAlWithReconfirmation) {
  const std::string words = sweep("table3", "--only 'pool|confidence|crc'");
  EXPECT_NE(words.find("CIFAR10: 4"), std::string::npos) << words;
  EXPECT_NE(words.find("* (70.86±3.95*)†"), std::string::npos) << words;
  EXPECT_NE(words.find("† The paper's numbers are of other settings than these runs'"), std::string::npos) << words;
  // Balanced: every round holds two more of each class on SVHN's side, one more on CIFAR-10's.
  for (const auto& [cell, each] : {std::pair("svhn-crc-t0", 22), {"cifar10-confidence-t0", 4}}) {
    const std::string ledger = read(folder + "/table3/" + cell + "/labels.jsonl");
    for (int c = 0; c < 10; ++c) {
      int count = 0;
      const std::string what = "\"class\":" + std::to_string(c) + ",";
      for (size_t at = ledger.find(what); at != std::string::npos; at = ledger.find(what, at + 1)) ++count;
      EXPECT_EQ(count, each) << cell << " class " << c;
    }
  }
  // The re-confirmation trained on the labels of the trial, and asked for none.
  const std::string trial = read(folder + "/table3/cifar10-confidence-t0/rounds.csv");
  const std::string again = read(folder + "/table3/cifar10-confidence-t0-q3-again0/rounds.csv");
  EXPECT_NE(trial.find("\n3,40,"), std::string::npos);
  EXPECT_NE(again.find("\n0,40,"), std::string::npos);
}

// Their names would lie.
TEST_F(Sweeps, WhatMethodsDifferInIsNotSetForAll) {
  const std::string what = "sweep table4 --out " + folder + "/t4" + kSweepCell + " --set acquisition.name=kmeans ";
  expect(what, 64, "--set acquisition.name=kmeans: the method \"");
  EXPECT_FALSE(fs::exists(folder + "/t4"));
}

TEST_F(Sweeps, Tables4To6) {
  for (const auto& [table, head, last] :
       {std::tuple("table4", "| 140 |", "\n4,200,"), {"table5", "| 250 |", "\n5,450,"}}) {
    EXPECT_NE(sweep(table, "--only 'pool|random|crc' --set data.train_size=600").find(head), std::string::npos);
    const fs::path out = folder + "/" + table;
    EXPECT_NE(read(out / "crc-t0/rounds.csv").find(last), std::string::npos);
    EXPECT_TRUE(fs::exists(out / "report.html"));
    EXPECT_TRUE(fs::exists(out / "figures/accuracy.png"));
  }
  sweep("table6", "--only 'q50-(pool|random|crc)'");
  EXPECT_NE(read(folder + "/table6/q50-random-t0/rounds.csv").find("\n5,300,"), std::string::npos);
  // Random and CRC went on from the same labels and the same model.
  EXPECT_EQ(read(folder + "/table6/q50-random-t0/rounds/00/best.safetensors"),
            read(folder + "/table6/q50-crc-t0/rounds/00/best.safetensors"));
}

TEST_F(Sweeps, Tables1And2) {
  const std::string one =
      " --set acquisition.rounds=1 --set data.train_size=300 --set acquisition.initial=50"
      " --set acquisition.budget=50";
  EXPECT_NE(sweep("table1", "--only 'pool|g-2|g-5'" + one).find("G = 5"), std::string::npos);
  EXPECT_NE(sweep("table2", "--only 'pool|last|full'" + one).find("Full"), std::string::npos);
  EXPECT_NE(read(folder + "/table2/full-t0/rounds.csv").find("\n1,100,"), std::string::npos);
}

TEST_F(Sweeps, AnInterruptedSweepContinuesWithTheSameBits) {
  const std::string one = " --only 'pool|q50-crc' --trials 1 --pools 1 --set acquisition.rounds=2";
  run("sweep table6 --out " + folder + "/whole" + kSweepCell + one, 0);
  for (const auto& [milliseconds, signal] : {std::pair(300, SIGTERM), {700, SIGTERM}, {500, SIGKILL}}) {
    const std::string out = folder + "/cut" + std::to_string(milliseconds);
    const int code = Background("sweep table6 --out " + out + kSweepCell + one).after(milliseconds, signal);
    EXPECT_TRUE(code == 0 || code == (signal == SIGTERM ? 75 : 128 + SIGKILL)) << code;
    if (signal == SIGKILL) sleep(2);  // its runs notice, save and leave their directories
    run("sweep table6 --out " + out + kSweepCell + one, 0);
    for (const char* file : {"q50-crc-t0/labels.jsonl", "q50-crc-t0/rounds/02/weights.safetensors"})
      EXPECT_EQ(read(folder + "/whole/" + file), read(fs::path(out) / file)) << file;
  }
}

TEST_F(Sweeps, FiguresOfBoundariesAndEigenvalues) {
  run("sweep figure1 --out " + folder +
          "/f1 --quiet --set ssl.epochs=1 --set ssl.steps_per_epoch=20"
          " --set acquisition.rounds=1 --set data.train_size=200 --set data.test_size=100 --only crc",
      0);
  EXPECT_GT(fs::file_size(folder + "/f1/figures/boundary.png"), 5000u);
  EXPECT_EQ(read(folder + "/f1/crc-t0/labels.jsonl").find("\"item\":0,\"class\":0,\"round\":0"), 9u);
  run("sweep figure3 --out " + folder + "/f3" + kSweepCell + " --trials 1 --set acquisition.rounds=2", 0);
  EXPECT_TRUE(fs::exists(folder + "/f3/figures/eigenvalue-horizon.png"));
  EXPECT_TRUE(fs::exists(folder + "/f3/figures/eigenvalues.png"));
}

TEST_F(Sweeps, TransferAndReportOfPlainRuns) {
  const std::string words = run("sweep figure2 --out " + folder + "/f" + kSweepCell +
                                    " --trials 1 --only 'random|entropy' --set acquisition.rounds=1 --set "
                                    "acquisition.initial=20 --set acquisition.budget=20",
                                0);
  EXPECT_NE(words.find("Entropy"), std::string::npos);
  EXPECT_TRUE(fs::exists(folder + "/f/entropy-t0/rounds/first/query.csv"));
  EXPECT_FALSE(fs::exists(folder + "/f/random-t0/rounds/first/query.csv"));
  EXPECT_TRUE(fs::exists(folder + "/f/figures/gains.png"));
  const std::string report =
      run("report " + folder + "/f/entropy-t0 " + folder + "/f/random-t0 --out " + folder + "/r", 0);
  EXPECT_NE(report.find("| entropy first=model |"), std::string::npos) << report;
  EXPECT_TRUE(fs::exists(folder + "/r/report.html"));
}

TEST_F(Sweeps, SayWhatIsWrong) {
  EXPECT_NE(run("sweep cifar10 --out " + folder + "/a", 78).find("has no [sweep]"), std::string::npos);
  EXPECT_NE(run("sweep table9 --out " + folder + "/a", 66).find("table6"), std::string::npos);
  EXPECT_NE(run("sweep --out " + folder + "/a", 64).find("needs a recipe"), std::string::npos);
  EXPECT_NE(run("sweep table6 --only nothing --out " + folder + "/a", 64).find("--dry-run lists"), std::string::npos);
  EXPECT_NE(run("report " + folder, 66).find("is not a run's directory"), std::string::npos);
  EXPECT_NE(run("data augment --op shear_z " + folder + "/no.png " + folder + "/o.png", 66).find("no.png"),
            std::string::npos);
}

TEST_F(Sweeps, PreviewAndAugment) {
  const std::string png = folder + "/p.png", out = folder + "/o.png";
  run("data preview " + png + " --set data.name=street_digits --count 3", 0);
  run("data augment --op identity " + png + " " + out, 0);
  run("data augment --op posterize --value 4 " + png + " " + out, 73);
  run("data augment --force --op posterize --value 4 " + png + " " + out, 0);
  EXPECT_GT(fs::file_size(out), 100u);
  EXPECT_NE(run("data augment --force --op posterize --value 44 " + png + " " + out, 64).find("choose 1 to 8"),
            std::string::npos);
  EXPECT_NE(run("data augment --force --op emboss " + png + " " + out, 64).find("autocontrast"), std::string::npos);
}

}  // namespace
}  // namespace crc::test
