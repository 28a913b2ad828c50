// crc_select from outside: right results from what people bring.
#include <algorithm>
#include <cmath>
#include <map>

#include "apps/rundir/ledger.h"
#include "crc/acquisition.h"
#include "data/png.h"
#include "tests/errors/select_fixture.h"

namespace crc::test {
namespace {

using Select = SelectFixture;
const std::string kCrc = "--labeled l.npy --budget 4 --group 2 --classes 4 ";

TEST_F(Select, EveryAcquisitionThatNeedsNoNetworkPicksItsBudget) {
  const std::map<std::string, std::string> instead{{"egl", "egl_last"}, {"crc_layers", "crc"}, {"crc_full", "crc"}};
  for (const select::Acquisition& a : select::acquisitions()) {
    const std::string name = a.name, command = "--features h.npy --logits p.npy --labeled l.npy --budget 6 --group 3 " +
                                               model + "--acquisition " + name + " --out " + name + ".csv --scores " +
                                               name + ".npy --summary " + name + ".html";
    if (const auto other = instead.find(name); other != instead.end()) {
      expect(command, 78, "needs the network's Jacobians, which no array holds; use \"" + other->second + "\"");
      continue;
    }
    if (a.has(select::Trait::worth)) {
      expect(command, 78, "trains a run's model with each proposal, on labels that nobody has given yet");
      continue;
    }
    expect(command, 0, name + ": ");
    const auto items = picks(name + ".csv");
    const std::set<int64_t> distinct(items.begin(), items.end());
    EXPECT_EQ(distinct.size(), 6u) << name;
    for (int64_t l : {1, 3, 40}) EXPECT_FALSE(distinct.contains(l)) << name;
    EXPECT_EQ(data::read_npy(folder + "/" + name + ".npy").type, data::NpyType::f64);
    EXPECT_NE(read(name + ".html").find("6 items to label next"), std::string::npos);
  }
}

TEST_F(Select, TypesOrdersAndVersionsOfFeaturesDoNotMatter) {
  const std::string expected = selected("--features h.npy " + kCrc);
  std::vector<float> columns;
  std::vector<uint16_t> halves;
  for (int64_t d = 0; d < kWidth; ++d)
    for (int64_t i = 0; i < kItems; ++i) columns.push_back(features[size_t(i * kWidth + d)]);
  for (float v : features) {  // k / 64, k < 128
    int exponent = 0;
    const float mantissa = std::frexp(v, &exponent);
    halves.push_back(v == 0 ? 0 : uint16_t((exponent + 14) << 10 | int((2 * mantissa - 1) * 1024)));
  }
  const std::vector<double> doubles(features.begin(), features.end());
  write_raw("f.npy", "'<f4'", "True", "(60, 7)", columns);
  write_raw("f64.npy", "'<f8'", "True", "(60, 7)", std::vector<double>(columns.begin(), columns.end()));
  write_raw("h64.npy", "'<f8'", "False", "(60, 7)", doubles);
  write_raw("h16.npy", "'<f2'", "False", "(60, 7)", halves);
  write_raw("h2.npy", "'<f4'", "False", "(60, 7)", features, 2);
  write_raw("h3.npy", "'<f8'", "False", "(60, 7)", doubles, 3);
  for (const char* name : {"f.npy", "f64.npy", "h64.npy", "h16.npy", "h2.npy", "h3.npy"})
    EXPECT_EQ(selected(std::string("--features ") + name + " --threads 2 " + kCrc), expected) << name;
}

TEST_F(Select, ListsInEveryFormAreTheSameList) {
  const std::string at = "--features h.npy --budget 4 --group 2 --classes 4 ";
  const std::string expected = selected(at + "--labeled l.npy");
  std::vector<uint8_t> mask(kItems, 0), bytes{3, 1, 40};
  mask[1] = mask[3] = mask[40] = 1;
  write_raw("mask.npy", "'|b1'", "False", "(60,)", mask);
  write_raw("u8.npy", "'|u1'", "False", "(3,)", bytes);
  write_raw("i16.npy", "'<i2'", "False", "(3,)", std::vector<int16_t>{3, 1, 40});
  write_raw("u32.npy", "'<u4'", "False", "(3,)", std::vector<uint32_t>{3, 1, 40});
  write<int32_t>("i32.npy", {40, 3, 1}, {3});
  write_text("items.txt", "3\n1\n\n 40 \r\n");
  write_text("picks.csv", "item,group,score,file\n3,0,0.5,\"a, b.png\"\n1,0,0.5,\"b.png\"\n40,1,0.25,\"c.png\"\n");
  fs::create_directories(folder + "/a run");
  apps::Ledger ledger = apps::Ledger::create(folder + "/a run/labels.jsonl", {});
  const apps::Answer initial[] = {{3, 0}, {1, 2}}, queried[] = {{40, 1}};
  ledger.record(0, "initial", initial);
  ledger.record(1, "oracle", queried);
  for (const char* name : {"mask.npy", "u8.npy", "i16.npy", "u32.npy", "i32.npy", "items.txt", "picks.csv", "'a run'",
                           "'a run/labels.jsonl'"})
    EXPECT_EQ(selected(at + "--labeled " + name), expected) << name;
  write_text("one.txt", "40\n");
  write<int64_t>("two.npy", {3, 1}, {2});
  EXPECT_EQ(selected(at + "--labeled two.npy one.txt"), expected);
  // Nothing labelled: numpy.array([]) holds no floats.
  write_raw("none.npy", "'<f8'", "False", "(0,)", std::vector<double>{});
  EXPECT_EQ(selected(at + "--labeled none.npy"), selected(at));
  // The rest, listed and not.
  std::vector<int64_t> others;
  for (int64_t i = kItems; i-- > 0;)
    if (i != 1 && i != 3 && i != 40) others.push_back(i);
  write<int64_t>("u.npy", others, {int64_t(others.size())});
  EXPECT_EQ(selected(at + "--labeled l.npy --unlabeled u.npy"), expected);
}

std::string python_with_numpy() {
  for (const std::string python : {"python3", "/usr/bin/python3"})
    if (shell(python + " -c 'import numpy'").code == 0) return python;
  return "";
}

// What numpy.save itself makes of arrays in every state, and what NumPy reads of ours.
constexpr const char* kWithNumPy = R"(
import numpy as np
h = np.load("h.npy")
np.save("f16.npy", h.astype(np.float16))
np.save("f64.npy", h.astype(np.float64))
np.save("fortran.npy", np.asfortranarray(h))
np.save("transposed.npy", np.ascontiguousarray(h.T).T)
np.save("strided.npy", np.repeat(h.astype(np.float64), 2, axis=1)[:, ::2])
for version in (2, 3):
    with open(f"v{version}.npy", "wb") as file:
        np.lib.format.write_array(file, h, version=(version, 0))
mask = np.zeros(len(h), bool)
mask[[3, 1, 40]] = True
np.save("mask.npy", mask)
np.save("where.npy", np.flatnonzero(mask))
np.save("u16.npy", np.flatnonzero(mask).astype(np.uint16))
np.savetxt("items.txt", np.flatnonzero(mask), fmt="%d")
np.save("objects.npy", h.astype(object))
np.save("complex.npy", h.astype(np.complex64))
np.save("records.npy", np.zeros(60, [("x", "f4", 7)]))
np.save("text.npy", h.astype(str))
np.save("big.npy", h.astype(">f4"))
np.save("long.npy", h.astype(np.longdouble))
np.save("dates.npy", np.zeros(60, "M8[ns]"))
np.savez("archive.npz", h=h)
np.save("ints.npy", h.astype(int))
np.save("cube.npy", h[None])
)";

TEST_F(Select, ReadsWhatNumPySavesAndNumPyReadsWhatItWrites) {
  const std::string python = python_with_numpy();
  if (python.empty()) GTEST_SKIP() << "no python3 with numpy here";
  write_text("make.py", kWithNumPy);
  const Outcome made = shell("cd " + folder + "; " + python + " make.py");
  ASSERT_EQ(made.code, 0) << made.words;
  const std::string expected = selected("--features h.npy " + kCrc);
  for (const char* name : {"f16", "f64", "fortran", "transposed", "strided", "v2", "v3"})
    EXPECT_EQ(selected(std::string("--features ") + name + ".npy " + kCrc), expected) << name;
  for (const char* name : {"mask.npy", "where.npy", "u16.npy", "items.txt"})
    EXPECT_EQ(selected(std::string("--features h.npy --budget 4 --group 2 --classes 4 --labeled ") + name), expected);
  for (const char* name : {"objects.npy", "complex.npy", "records.npy", "text.npy", "big.npy", "long.npy", "dates.npy",
                           "archive.npz", "ints.npy", "cube.npy"})
    expect(std::string("--features ") + name + " --budget 4 --out no.csv", 65, name);
  expect("--features h.npy --scores s.npy --groups g.npy --out a.csv " + kCrc, 0, "");
  write_text("check.py", R"(
import numpy as np
scores, groups = np.load("s.npy"), np.load("g.npy")
picks = np.genfromtxt("a.csv", delimiter=",", names=True, dtype=None)
best = np.argsort(-scores, kind="stable")[:2]
assert scores.dtype == np.float64 and groups.shape == (28, 2), groups.shape
assert (groups[best].ravel() == picks["item"]).all() and (scores[best].repeat(2) == picks["score"]).all()
)");
  const Outcome checked = shell("cd " + folder + "; " + python + " check.py");
  EXPECT_EQ(checked.code, 0) << checked.words;
}

TEST_F(Select, TheNextRoundGoesOnFromThePicks) {
  expect("--features h.npy --labeled l.npy --budget 6 --group 3 --out r0.csv", 0, "");
  expect("--features h.npy --labeled l.npy r0.csv --budget 6 --group 3 --round 1 --out r1.csv", 0, "");
  const auto first = picks("r0.csv"), second = picks("r1.csv");
  for (int64_t item : second) EXPECT_EQ(std::ranges::count(first, item), 0) << item;
}

// C (|h|^2 + 1) is the score of one item with nothing labelled.
TEST_F(Select, ScoresOfGivenCandidatesInTheirOrder) {
  write<int64_t>("g.npy", {5, 0, 59}, {3, 1});
  expect("--features h.npy --budget 1 --classes 10 --candidates g.npy --out a.csv --scores s.npy --groups k.npy", 0,
         "1 of 3 groups of 1");
  const data::NpyArray scores = data::read_npy(folder + "/s.npy");
  ASSERT_EQ(scores.size(), 3);
  const int64_t items[] = {5, 0, 59};
  for (int k = 0; k < 3; ++k) {
    double expected = 1;
    for (int64_t d = 0; d < kWidth; ++d)
      expected += double(features[size_t(items[k] * kWidth + d)]) * features[size_t(items[k] * kWidth + d)];
    EXPECT_NEAR(scores.as<double>()[size_t(k)], 10 * expected, 1e-12 * expected * 10);
  }
  EXPECT_EQ(read("k.npy"), read("g.npy"));
}

double number_after(const std::string& words, const std::string& marker) {
  const size_t at = words.find(marker);
  EXPECT_NE(at, std::string::npos) << words;
  return at == std::string::npos ? NAN : std::stod(words.substr(at + marker.size()));
}

TEST_F(Select, SearchesThatBuildABatchReachMore) {
  const std::string at = "--features h.npy --labeled l.npy --budget 4 --classes 4 --out a.csv --force --search ";
  const auto reached = [&](const std::string& search) {
    const double score = number_after(expect(at + search, 0, ""), "with all 4 picks ");
    EXPECT_EQ(picks("a.csv").size(), 4u) << search;
    return score;
  };
  const double partition = reached("partition"), greedy = reached("greedy"), exchange = reached("exchange");
  EXPECT_GT(greedy, partition);
  EXPECT_GE(exchange, greedy);
  expect(at + "greedy --group 2", 78, "search \"greedy\" adds single items; set the group size to 1, not 2");
}

TEST_F(Select, ExactSolversPickTheSame) {
  const std::string expected = selected("--features h.npy " + kCrc);
  const auto items = picks("selected.csv");
  for (const char* solver : {"capacitance", "syev_batched", "syevd"}) {
    selected("--features h.npy --solver " + std::string(solver) + " " + kCrc);
    EXPECT_EQ(picks("selected.csv"), items) << solver;
  }
  selected("--features h.npy --solver fp32-positive " + kCrc);
  EXPECT_EQ(picks("selected.csv").size(), 4u);
}

TEST_F(Select, DoublesAreNotRounded) {
  std::vector<double> rows(features.begin(), features.end());
  for (int64_t d = 0; d < kWidth; ++d) rows[size_t(8 * kWidth + d)] = rows[size_t(7 * kWidth + d)] * (1 + 1e-12);
  write<double>("h64.npy", rows, {kItems, kWidth});
  write<float>("h32.npy", std::vector<float>(rows.begin(), rows.end()), {kItems, kWidth});
  const std::string repeats = "</b><span>items that repeat another";
  expect("--features h64.npy " + kCrc + "--out a.csv --summary a.html", 0, "");
  EXPECT_NE(read("a.html").find("<b>0" + repeats), std::string::npos);
  expect("--features h32.npy " + kCrc + "--out b.csv --summary b.html", 0, "");
  EXPECT_NE(read("b.html").find("<b>1" + repeats), std::string::npos);
}

TEST_F(Select, SummarySaysWhatWasFound) {
  std::vector<float> dead = features;
  for (int64_t i = 0; i < kItems; ++i) dead[size_t(i * kWidth + 2)] = 0.5f;  // a constant feature
  for (int64_t d = 0; d < kWidth; ++d) dead[size_t(7 * kWidth + d)] = dead[size_t(3 * kWidth + d)];  // a labelled copy
  write<float>("dead.npy", dead, {kItems, kWidth});
  expect("--features dead.npy " + kCrc + "--out a.csv --summary a.html", 0, "rank 7 of 8");
  const std::string page = read("a.html");
  for (const char* words : {"<b>7</b><span>rank of features and bias, 8 at most", "1 of 7", "score with all picks",
                            "<b>1</b><span>items that repeat another or a labelled one", "triangles mark", "<svg",
                            "60: 3 labelled", "--features dead.npy", "GiB of memory", "dead.npy [60,7] &lt;f4"})
    EXPECT_NE(page.find(words), std::string::npos) << words;
}

TEST_F(Select, PicksAreShownWithTheirNumbers) {
  fs::create_directories(folder + "/images");
  std::string list;
  for (int64_t i = 0; i < kItems; ++i) {
    const int64_t side = i % 3 == 0 ? 300 : 8 + i % 5;
    data::RgbImage image{side, side + 2, std::vector<uint8_t>(size_t(side * (side + 2) * 3), uint8_t(4 * i))};
    const std::string name = "img" + std::to_string(100 + i) + ".png";
    write_file(folder + "/images/" + name, data::encode_png(image));
    list += "images/" + name + "\n";
  }
  write_text("list.txt", list);
  const std::string at = "--features h.npy --labeled l.npy --budget 6 --group 3 ";
  expect(at + "--out a.csv --images images --sheet a.png --summary a.html", 0, "a.png");
  expect(at + "--out b.csv --images list.txt --sheet b.png", 0, "b.png");
  EXPECT_EQ(read("a.png"), read("b.png"));
  EXPECT_NE(read("a.html").find("data:image/png;base64,"), std::string::npos);
  const auto items = picks("a.csv", "item,group,score,file");
  const std::string csv = read("b.csv");
  EXPECT_NE(csv.find(",images/img" + std::to_string(100 + items[0]) + ".png\n"), std::string::npos) << csv;
  // In the middle of the first tile stands the first pick.
  const data::RgbImage sheet = data::read_png(folder + "/a.png");
  const uint8_t* pixel = &sheet.pixels[size_t(((40 + 56) * sheet.width + 10 + 56) * 3)];
  EXPECT_EQ(int(*pixel), 4 * items[0]);

  fs::remove(folder + "/images/img" + std::to_string(100 + items[1]) + ".png");
  write_text("images/img" + std::to_string(100 + items[2]) + ".png", "no picture");
  expect(at + "--out c.csv --images list.txt --sheet c.png", 65, "2 of the 6 picked images cannot be shown");
  EXPECT_EQ(read("c.csv"), read("b.csv"));  // the picks do not wait for pictures
  EXPECT_FALSE(exists("c.png"));
  expect(at + "--out d.csv --images images --sheet d.png", 65, "images holds 59 .png files, and there are 60 items");
  EXPECT_FALSE(exists("d.csv"));
}

TEST_F(Select, ARunsPoolIsScoredByItsWeightsAndLedger) {
  const std::string at = " --set data.name=cifar10 --set data.profile= --set data.dir=" + folder + "/data",
                    net =
                        " --set model.depth=10 --set model.base_channels=8 --set model.first_stride=2"
                        " --set model.wiring=shared_act ",
                    run_settings =
                        " --set ssl.epochs=1 --set ssl.steps_per_epoch=2 --set acquisition.rounds=1 "
                        "--set run.device=cpu --quiet";
  const auto train = [&](const std::string& arguments) {
    const Outcome o = shell("cd " + folder + "; " + kTrain + " " + arguments);
    EXPECT_EQ(o.code, 0) << o.words;
    return o.words;
  };
  train("data make data --set data.train_size=200 --set data.test_size=60");
  train("run demo --out run" + at + run_settings);
  const std::string eval = "eval --weights run/rounds/01/weights.safetensors --data data --set run.device=cpu" + net;
  EXPECT_NE(train(eval + "--split train --features pool.npy --logits pool_p.npy").find("images             200"),
            std::string::npos);
  EXPECT_NE(train(eval + "--split test --features test.npy").find("images             60"), std::string::npos);
  train(eval + "--features default.npy");
  EXPECT_EQ(read("test.npy"), read("default.npy"));
  EXPECT_EQ(data::read_npy(folder + "/pool.npy").shape, (std::vector<int64_t>{200, 64}));
  EXPECT_EQ(shell(kTrain + " " + eval + "--split valid").code, 64);
  expect("--features pool.npy --logits pool_p.npy --labeled run --budget 10 --group 5 --out a.csv", 0, "a.csv");
  const std::string ledger = read("run/labels.jsonl");
  for (int64_t item : picks("a.csv"))
    EXPECT_EQ(ledger.find("\"item\":" + std::to_string(item) + ","), std::string::npos);
}

}  // namespace
}  // namespace crc::test
