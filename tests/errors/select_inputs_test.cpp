// crc_select from outside: arrays in several files and in bf16, what picks stand for, weights, quotas, and the words about
// what more labels bring.
#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "crc/acquisition.h"
#include "data/csv.h"
#include "tests/errors/select_fixture.h"

namespace crc::test {
namespace {

class SelectInputs : public SelectFixture {
 protected:
  void refuses(const std::string& arguments, int code, const std::string& words) const {
    expect(arguments + " --out o.csv", code, words);
    EXPECT_FALSE(exists("o.csv")) << arguments;
  }
  // Rows [begin,end) of the features in a file of their own; returns its name and a space.
  template <class T> std::string shard(const std::string& name, int64_t begin, int64_t end) const {
    write<T>(name, std::vector<T>(features.begin() + begin * kWidth, features.begin() + end * kWidth),
             {end - begin, kWidth});
    return name + " ";
  }
  // Features and logits that bf16 holds exactly, and both as uint16.
  void write_bf16() const {
    std::vector<float> exact;
    for (float v : features) exact.push_back(std::bit_cast<float>(std::bit_cast<uint32_t>(v) & 0xffff0000u));
    write<float>("exact.npy", exact, {kItems, kWidth});
    std::vector<uint16_t> bits;
    for (float v : exact) bits.push_back(uint16_t(std::bit_cast<uint32_t>(v) >> 16));
    write_raw("b.npy", "'<u2'", "False", "(60, 7)", bits);
  }
  std::vector<std::vector<std::string>> rows_of(const std::string& name) const {
    const std::string text = read(name);
    data::CsvReader csv(text, name);
    std::vector<std::vector<std::string>> rows;
    while (csv.next()) {
      rows.emplace_back();
      for (size_t k = 0; k < csv.heading().size(); ++k) rows.back().push_back(csv[k]);
    }
    return rows;
  }
};

const std::string kSome = "--labeled l.npy --budget 6 --group 3 --classes 4 --acquisition ";

TEST_F(SelectInputs, ShardsGiveThePicksOfOneFile) {
  const std::string two = shard<float>("a.npy", 0, 1) + shard<float>("b.npy", 1, 60);
  const std::string many = shard<float>("c.npy", 0, 17) + shard<float>("d.npy", 17, 18) +
                           shard<float>("e.npy", 18, 45) + shard<float>("f.npy", 45, 60);
  const std::string mixed =
      shard<float>("g.npy", 0, 20) + shard<double>("h64.npy", 20, 41) + shard<float>("i.npy", 41, 60);
  std::vector<float> columns;
  for (int64_t d = 0; d < kWidth; ++d)
    for (int64_t i = 0; i < 30; ++i) columns.push_back(features[size_t(i * kWidth + d)]);
  write_raw("fortran.npy", "'<f4'", "True", "(30, 7)", columns);
  const std::string orders = "fortran.npy " + shard<float>("j.npy", 30, 60);
  for (const select::Acquisition& a : select::acquisitions()) {
    using select::Trait;
    if (a.has(Trait::jacobians) || a.has(Trait::worth) || !a.has(Trait::features)) continue;
    const std::string rest = "--logits p.npy " + model + kSome + a.name;
    const std::string expected = selected("--features h.npy " + rest);
    for (const std::string& files : {two, many, mixed, orders})
      EXPECT_EQ(selected("--features " + files + rest), expected) << a.name << " " << files;
  }
  // Logits too.
  const data::NpyArray p = data::read_npy(folder + "/p.npy");
  const auto logits = p.as<float>();
  write<float>("p1.npy", {logits.begin(), logits.begin() + 25 * kClasses}, {25, kClasses});
  write<float>("p2.npy", {logits.begin() + 25 * kClasses, logits.end()}, {35, kClasses});
  EXPECT_EQ(selected("--logits p1.npy p2.npy --labeled l.npy --budget 5 --acquisition margin"),
            selected("--logits p.npy --labeled l.npy --budget 5 --acquisition margin"));
  expect("--features " + many + kSome + "crc --out m.csv --summary m.html", 0, "");
  EXPECT_NE(read("m.html").find("[60,7] in 4 files: c.npy [17,7] &lt;f4 to f.npy [15,7] &lt;f4"), std::string::npos);
}

TEST_F(SelectInputs, ShardsThatDoNotFitAreNamed) {
  const std::string half = shard<float>("a.npy", 0, 30);
  write<float>("narrow.npy", std::vector<float>(180, 1), {30, 6});
  refuses("--features a.npy narrow.npy --budget 5", 65,
          "a.npy holds [30,7] <f4 and narrow.npy holds [30,6] <f4; features in several files are rows of one array");
  refuses("--features a.npy none.npy --budget 5", 66, "none.npy: No such file");
  refuses("--features a.npy l.npy --budget 5", 65, "l.npy holds [3] <i8; features are floats [items,columns]");
  refuses("--features a.npy --logits p.npy --budget 5", 65, "a.npy has 30 rows and p.npy has 60; row i of both");
  refuses("--features a.npy h.npy --logits p.npy --budget 5", 65, "a.npy and 1 more has 90 rows");
  std::vector<float> bad(210, 1);
  bad[11 * kWidth + 4] = NAN;
  write<float>("nan.npy", bad, {30, kWidth});
  refuses("--features a.npy nan.npy --budget 5", 76, "features of item 41 are not finite: column 4");
  expect("--features a.npy a.npy --budget 5 --acquisition coreset --out twice.csv", 0, "");  // the same rows again
  expect("--features a.npy h.npy --budget 5 --out h.npy --force", 64, "h.npy is an input");
}

TEST_F(SelectInputs, Bf16IsReadWhereItIsSaid) {
  write_bf16();
  for (const char* name : {"crc", "maxherding", "coreset"}) {
    const std::string expected = selected("--features exact.npy " + kSome + name);
    EXPECT_EQ(selected("--features b.npy --dtype bf16 " + kSome + name), expected) << name;
  }
  // Floats beside it are the floats that they are.
  expect("--features b.npy --logits p.npy --dtype bf16 --budget 5 --acquisition badge --out a.csv", 0, "");
  refuses("--features b.npy --budget 5", 65,
          "b.npy holds [60,7] <u2; features are floats [items,columns]: --dtype bf16 if they are bf16");
  refuses("--features h.npy --dtype bf16 --budget 5", 65,
          "--dtype bf16 says what uint16 arrays hold, and there is none");
  refuses("--features b.npy --dtype fp16 --budget 5", 64, "--dtype");
  write_raw("i2.npy", "'<i2'", "False", "(60, 7)", std::vector<int16_t>(size_t(kItems * kWidth), 1));
  refuses("--features i2.npy --dtype bf16 --budget 5", 65, "i2.npy holds [60,7] <i2; features are floats");
  write_raw("inf.npy", "'<u2'", "False", "(60, 7)", std::vector<uint16_t>(size_t(kItems * kWidth), 0x7f80));
  refuses("--features inf.npy --dtype bf16 --budget 5", 76, "features of item 0 are not finite: column 0 is inf");
}

TEST_F(SelectInputs, ParquetIsNamedWithItsConversion) {
  write_text("x.parquet", "PAR1 and so on");
  write_text("y.npy", "PAR1 and so on");
  for (const std::string name : {"x.parquet", "y.npy"})
    refuses("--features " + name + " --budget 5", 65,
            "numpy.save(\"H.npy\", numpy.stack(pandas.read_parquet(\"" + name + "\")[\"embedding\"]).astype(\"<f4\"))");
  refuses("--features none.parquet --budget 5", 66, "none.parquet: No such file");
}

TEST_F(SelectInputs, WhatPicksStandForIsWritten) {
  expect("--features h.npy " + kSome + "maxherding --out a.csv --represents r.csv --summary a.html", 0,
         "the mean distance to the nearest labelled item goes from ");
  const auto rows = rows_of("r.csv"), picked = rows_of("a.csv");
  ASSERT_EQ(rows.size(), size_t(kItems));
  std::map<std::string, std::vector<double>> distances;
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i][0], std::to_string(i));
    distances[rows[i][1]].push_back(std::stod(rows[i][2]));
  }
  for (const auto& row : picked) {
    ASSERT_EQ(row.size(), 6u);  // item,group,score,stands_for,mean_distance,largest_distance
    const std::vector<double>& own = distances.at(row[0]);
    double total = 0;
    for (double d : own) total += d;
    EXPECT_EQ(std::stoul(row[3]), own.size());
    EXPECT_NEAR(std::stod(row[4]), total / double(own.size()), 1e-7);
    EXPECT_NEAR(std::stod(row[5]), std::ranges::max(own), 1e-7);
    EXPECT_EQ(rows[std::stoul(row[0])][1], row[0]);  // itself
  }
  EXPECT_LE(distances.size(), picked.size() + 3);
  const std::string page = read("a.html");
  EXPECT_NE(page.find("What the picks stand for"), std::string::npos);
  EXPECT_NE(page.find("Stop rule: what labels bring: the last pick adds "), std::string::npos);
  // The picks themselves do not change, and the next round reads the file.
  const std::string plain = selected("--features h.npy " + kSome + "maxherding");
  EXPECT_EQ(picks("a.csv", "item,group,score,stands_for,mean_distance,largest_distance"), picks("selected.csv"));
  expect("--features h.npy --labeled l.npy a.csv --budget 5 --out b.csv", 0, "");
  refuses("--logits p.npy --budget 5 --acquisition margin --represents q.csv", 64, "--represents needs --features");
  refuses("--features h.npy --budget 5 --represents r.csv", 73, "r.csv exists");
  refuses("--features h.npy --budget 5 --represents o.csv", 64, "o.csv is named for two outputs");
}

TEST_F(SelectInputs, ClassWeightsCount) {
  const std::string at = "--features h.npy --logits p.npy --labeled l.npy --budget 6 --acquisition ";
  write_text("w.csv", "class_index,weight\n2,0\n0,1\n1,0.5\n3,0\n\n");
  const data::NpyArray p = data::read_npy(folder + "/p.npy");
  const auto predicted = [&](int64_t item) {
    const auto row = p.as<float>().subspan(size_t(item * kClasses), size_t(kClasses));
    return std::ranges::max_element(row) - row.begin();
  };
  for (const std::string name : {"margin", "entropy", "confidence", "egl_last"}) {
    const std::string listed = selected(at + name + " --class-weights 1,0.5,0,0");
    for (int64_t item : picks("selected.csv")) EXPECT_LE(predicted(item), 1) << name;
    EXPECT_EQ(selected(at + name + " --class-weights w.csv"), listed);
    selected(at + name + " --class-weights 1,1,1,1");
    const auto even = picks("selected.csv");
    selected(at + name);
    EXPECT_EQ(picks("selected.csv"), even) << name;
  }
  for (const std::string name : {"maxherding", "probcover", "facility_location", "uherding", "coreset"})
    EXPECT_NE(selected(at + name + " --class-weights 1,0,0,0"), selected(at + name)) << name;
  for (const std::string name : {"crc", "random", "kmeans", "typiclust", "rdss"})
    refuses(at + name + " --class-weights 1,1,1,1", 78, "acquisition \"" + name + "\" takes no weights of items");
  const std::string with = at + "margin --class-weights ";
  refuses(with + "1,1,1", 65, "3 weights, and the logits have 4 classes");
  refuses(with + "1,-1,1,1", 65, "class 1 weighs -1; weights are 0 or more");
  refuses(with + "1,nan,1,1", 65, "class 1 weighs nan");
  refuses(with + "0,0,0,0", 65, "all weights are 0");
  refuses(with + "none.csv", 66, "none.csv");
  refuses("--features h.npy --budget 5 --acquisition maxherding --class-weights 1,1", 64, "needs --logits");
  const auto table = [&](const std::string& text, const std::string& words) {
    write_text("x.csv", text);
    refuses(with + "x.csv", 65, words);
  };
  table("class_index,weight\n0,1\n1,1\n2,1\n", "x.csv has no weight of class_index 3; name every class once");
  table("class_index,weight\n0,1\n0,1\n", "x.csv:3: class_index 0 is there twice");
  table("class_index,weight\n4,1\n", "x.csv:2: class_index 4; the logits have columns 0 to 3");
  table("class_index,weight\n0,-1\n", "x.csv:2: weight -1; weights are 0 or more");
  table("class_index,weight\n0,x\n", "x.csv:2: weight \"x\" is not a number");
  table("class,weight\n0,1\n", "class_index");
}

TEST_F(SelectInputs, QuotasHold) {
  const std::string at = "--features h.npy --logits p.npy --labeled l.npy --budget 8 --acquisition ";
  const data::NpyArray p = data::read_npy(folder + "/p.npy");
  for (const std::string name : {"random", "margin", "entropy", "coreset", "typiclust", "probcover", "maxherding",
                                 "uherding", "facility_location", "rdss"}) {
    selected(at + name + " --quota 2");
    std::map<int64_t, int> counts;
    for (int64_t item : picks("selected.csv")) {
      const auto row = p.as<float>().subspan(size_t(item * kClasses), size_t(kClasses));
      EXPECT_LE(++counts[std::ranges::max_element(row) - row.begin()], 2) << name;
    }
    EXPECT_EQ(counts.size(), 4u) << name;
    selected(at + name + " --per-cluster 8");  // one of each
    EXPECT_EQ(picks("selected.csv").size(), 8u);
  }
  refuses(at + "margin --quota 1", 78,
          "budget 8 with at most 1 picks of each part: the 4 parts of the unlabeled items");
  refuses(at + "margin --quota 0", 64, "--quota");
  refuses(at + "margin --per-cluster -1", 64, "--per-cluster");
  for (const std::string name : {"crc", "badge", "kmeans"})
    refuses(at + name + " --quota 2", 78, "acquisition \"" + name + "\" takes no quotas of classes or clusters");
  refuses("--features h.npy --budget 5 --acquisition coreset --quota 2", 64, "--quota needs --logits");
  refuses("--logits p.npy --budget 5 --acquisition margin --per-cluster 2", 64, "--per-cluster needs --features");
  expect("--features h.npy --budget 5 --acquisition coreset --per-cluster 2 --quota 3 --out c.csv", 0, "");
}

TEST_F(SelectInputs, SaysWhenMoreLabelsLookUseless) {
  // Two points, many times: two labels and nothing is left to cover.
  std::vector<float> two;
  for (int64_t i = 0; i < kItems * kWidth; ++i) two.push_back(float(i / kWidth % 2 == i % kWidth));
  write<float>("two.npy", two, {kItems, kWidth});
  const std::string at = "--features two.npy --budget 4 --acquisition maxherding --summary s.html --force --out a.csv ";
  const std::string useless = "more labels of this kind look useless";
  const std::string first = expect(at, 0, "the last pick adds 0 % of what the first one does");
  EXPECT_EQ(first.find(useless), std::string::npos) << "of first labels the first covers most, whatever comes after";
  expect(at + "--labeled l.npy", 0, useless);
  EXPECT_NE(read("s.html").find(useless), std::string::npos);
  const std::string useful =
      expect("--features h.npy --budget 3 --labeled l.npy --acquisition maxherding --out b.csv", 0, "");
  EXPECT_EQ(useful.find(useless), std::string::npos);
  // Of four picks with probabilities of 1/2 two are expected to come out otherwise; of sure ones none.
  write<float>("even.npy", std::vector<float>(size_t(kItems * 2), 0), {kItems, 2});
  expect("--logits even.npy --budget 4 --acquisition margin --out c.csv", 0,
         "2 of the 4 picks are expected to differ from the model's prediction");
  std::vector<float> sure;
  for (int64_t i = 0; i < kItems; ++i) sure.insert(sure.end(), {0, 50});
  write<float>("sure.npy", sure, {kItems, 2});
  expect("--logits sure.npy --budget 4 --acquisition margin --out d.csv", 0, useless);
}

// An estimate comes first, and a signal ends it at once, with nothing written.
TEST_F(SelectInputs, ALongSelectionSaysWhatItTakesAndStops) {
  std::vector<float> large;
  for (int64_t i = 0; i < 60000 * 128; ++i) large.push_back(Draws(7, Purpose::test, i, 0).uniform(-1, 1));
  write<float>("large.npy", large, {60000, 128});
  const Outcome o = shell(
      "cd " + folder + "; " +
      program(
          "--features large.npy --labeled l.npy --budget 40 --acquisition maxherding --out p.csv --represents r.csv") +
      " 2> words & pid=$!; until grep -q 'pairs' words; do kill -0 $pid 2> /dev/null || break; sleep 0.05; done; "
      "sleep 0.5; kill -INT $pid; wait $pid; code=$?; cat words; exit $code");
  EXPECT_EQ(o.code, 75) << o.words;
  EXPECT_NE(o.words.find("maxherding: 1.8e+09 pairs for the first gains of 128 numbers, about "), std::string::npos)
      << o.words;
  EXPECT_NE(o.words.find(" GiB beside the features"), std::string::npos) << o.words;
  EXPECT_NE(o.words.find("stopped by SIGINT; nothing is lost"), std::string::npos) << o.words;
  EXPECT_FALSE(exists("p.csv"));
  EXPECT_FALSE(exists("r.csv"));
}

}  // namespace
}  // namespace crc::test
