// crc_select from outside: right results, exit codes and words for what users bring.
#include <algorithm>
#include <cmath>
#include <set>

#include "data/npy.h"
#include "kernels/core/random.h"
#include "tests/errors/outside.h"

namespace crc::test {
namespace {

constexpr int64_t kItems = 60, kWidth = 7, kClasses = 4;

class Select : public Outside {
 protected:
  Select() {
    std::vector<float> h, f;
    for (int64_t i = 0; i < kItems * kWidth; ++i) h.push_back(Draws(1, Purpose::test, i, 0).uniform(0, 2));
    for (int64_t i = 0; i < kItems * kClasses; ++i) f.push_back(Draws(2, Purpose::test, i, 0).uniform(-3, 3));
    features = h;
    write<float>("h.npy", h, {kItems, kWidth});
    write<float>("p.npy", f, {kItems, kClasses});
    write<double>("h64.npy", std::vector<double>(h.begin(), h.end()), {kItems, kWidth});
    write<int64_t>("l.npy", {3, 1, 40}, {3});
    write<int32_t>("l32.npy", {3, 1, 40}, {3});
  }

  template <class T> void write(const std::string& name, const std::vector<T>& v, const std::vector<int64_t>& shape) {
    data::write_npy<T>(folder + "/" + name, v, shape);
  }
  Outcome run(const std::string& arguments) const override {
    return shell("cd " + folder + "; exec " CRC_BINARY_DIR "/crc_select --device cpu " + arguments);
  }
  std::string read(const std::string& name) const { return Outside::read(folder + "/" + name); }
  std::vector<int64_t> picks(const std::string& name) const {
    std::istringstream lines(read(name));
    std::vector<int64_t> items;
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(line, "item,group,score");
    while (std::getline(lines, line)) items.push_back(std::stoll(line));
    return items;
  }
  std::vector<float> features;
};

TEST_F(Select, EveryAcquisitionOfFeaturesAndLogitsPicksItsBudget) {
  for (const char* name : {"random", "entropy", "confidence", "margin", "egl_last", "badge", "coreset", "crc"}) {
    expect(std::string("--features h.npy --logits p.npy --labeled l.npy --budget 6 --group 3 --acquisition ") + name +
               " --out " + name + ".csv --scores " + name + ".npy",
           0, std::string(name) + ": ");
    const auto items = picks(std::string(name) + ".csv");
    const std::set<int64_t> distinct(items.begin(), items.end());
    EXPECT_EQ(distinct.size(), 6u) << name;
    for (int64_t l : {1, 3, 40}) EXPECT_FALSE(distinct.contains(l)) << name;
    EXPECT_EQ(data::read_npy(folder + "/" + name + ".npy").type, data::NpyType::f64);
  }
}

TEST_F(Select, TypesAndDefaultsDoNotChangeThePicks) {
  expect("--features h.npy --labeled l.npy --budget 4 --group 2 --classes 4 --out a.csv", 0,
         "crc: 2 of 28 groups of 2");
  expect("--features h64.npy --labeled l32.npy --budget 4 --group 2 --classes 4 --out b.csv", 0, "");
  std::vector<int64_t> others;
  for (int64_t i = kItems; i-- > 0;)
    if (i != 1 && i != 3 && i != 40) others.push_back(i);
  write<int64_t>("u.npy", others, {int64_t(others.size())});
  expect("--features h.npy --labeled l.npy --unlabeled u.npy --budget 4 --group 2 --classes 4 --threads 2 --out c.csv",
         0, "");
  EXPECT_EQ(read("a.csv"), read("b.csv"));
  EXPECT_EQ(read("a.csv"), read("c.csv"));
}

// C (|h|^2 + 1) is the score of one item with nothing labelled.
TEST_F(Select, ScoresOfGivenCandidatesInTheirOrder) {
  write<int64_t>("g.npy", {5, 0, 59}, {3, 1});
  expect("--features h.npy --budget 1 --classes 10 --candidates g.npy --out a.csv --scores s.npy", 0,
         "1 of 3 groups of 1");
  const data::NpyArray scores = data::read_npy(folder + "/s.npy");
  ASSERT_EQ(scores.size(), 3);
  const int64_t items[] = {5, 0, 59};
  for (int k = 0; k < 3; ++k) {
    double expected = 1;
    for (int64_t d = 0; d < kWidth; ++d)
      expected += double(features[items[k] * kWidth + d]) * features[items[k] * kWidth + d];
    EXPECT_NEAR(scores.as<double>()[k], 10 * expected, 1e-12 * expected * 10);
  }
}

TEST_F(Select, WhatIsWrongIsNamed) {
  const std::string crc = "--features h.npy --labeled l.npy --out o.csv ";
  expect("--features h.npy --out o.csv", 64, "--budget is required");
  expect(crc + "--budget x", 64, "see crc_select --help");
  expect(crc + "--budget 58", 78, "budget 58 with 57 unlabeled items; choose a budget from 1 to 57");
  expect(crc + "--budget 5 --group 2", 78, "group size 2 does not divide the budget 5");
  expect(crc + "--budget 5 --acquisition margin", 78, "acquisition \"margin\" needs logits, and none were given");
  expect(crc + "--budget 5 --acquisition crc_full", 78, "needs the network's Jacobians");
  expect(crc + "--budget 5 --acquisition crcc", 78, "acquisition \"crcc\" is not known");
  expect("--features none.npy --budget 5 --out o.csv", 66, "none.npy");
  write<int64_t>("far.npy", {3, 60}, {2});
  expect("--features h.npy --labeled far.npy --budget 5 --out o.csv", 78, "item 60 of the labeled list is outside");
  write<int64_t>("negative.npy", {-1}, {1});
  expect("--features h.npy --labeled negative.npy --budget 5 --out o.csv", 78,
         "item -1 of the labeled list is negative");
  expect("--features l.npy --budget 5 --out o.csv", 65,
         "l.npy holds an array of shape [3] and type <i8; expected features as numbers [items,columns]");
  expect("--features h.npy --labeled h.npy --budget 5 --out o.csv", 65, "expected item numbers [n]");
  write<float>("few.npy", std::vector<float>(8), {2, 4});
  expect("--features h.npy --logits few.npy --budget 5 --out o.csv", 65, "h.npy has 60 rows and few.npy has 2");
  std::vector<float> bad = features;
  bad[11 * kWidth + 4] = NAN;
  write<float>("nan.npy", bad, {kItems, kWidth});
  expect("--features nan.npy --budget 5 --out o.csv", 76, "features of item 11 are not finite: column 4");
  EXPECT_FALSE(fs::exists(folder + "/o.csv"));
}

TEST_F(Select, OutputsAreNotReplacedUnasked) {
  const std::string command = "--features h.npy --labeled l.npy --budget 2 --out o.csv";
  expect(command, 0, "");
  const std::string before = read("o.csv");
  expect(command + " --seed 9", 73, "o.csv exists");
  EXPECT_EQ(read("o.csv"), before);
  expect(command + " --seed 9 --force", 0, "");
  expect("--features h.npy --labeled l.npy --budget 2 --out no/o.csv", 73, "no");
}

}  // namespace
}  // namespace crc::test
