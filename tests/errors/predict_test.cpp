// crc_train predict: classes and probabilities for images that are no part of the run's data.
#include "tests/errors/own_images.h"

namespace crc::test {
namespace {

class Predict : public OwnImages {
 protected:
  // A finished run on the first four digits, and images outside its data.
  void SetUp() override {
    data::CsvWriter list({"path", "label", "split"});
    for (int64_t i = 0, given = 0; i < 400 && given < 100; ++i) {
      const int64_t at = i % 2 ? 300 + i / 2 : i / 2;
      if (digit(at) > 3) continue;
      const std::string name = std::to_string(at) + ".png";
      png(folder + "/data/" + name, at);
      list.text(name).text("it's, " + std::to_string(digit(at))).text(at < 300 ? "train" : "test").end_row();
      ++given;
    }
    write(folder + "/data/labels.csv", list.str());
    expect("run demo --out " + run_dir() + run_on(folder + "/data") + "--set acquisition.rounds=0 " + more_, 0, "");
    for (int64_t i = 0; i < 7; ++i)
      png(folder + "/new/" + std::string(i % 2 ? "a/" : "") + std::to_string(i) + ".png", 480 + i);
  }
  std::string run_dir() const { return folder + "/run"; }
  std::string predict(const std::string& arguments, int code, const std::string& words) const {
    return expect("predict " + arguments, code, words);
  }
  struct Row {
    std::string item, name;
    double probability;
    std::vector<double> all;
  };
  std::vector<Row> rows(const std::string& file) const {
    data::CsvReader csv(read(file), file);
    std::vector<Row> all;
    while (csv.next()) {
      Row row{csv[0], csv[1], csv.number<double>(2), {}};
      for (size_t c = 3; c < csv.heading().size(); ++c) row.all.push_back(csv.number<double>(c));
      all.push_back(row);
    }
    return all;
  }

  std::string more_;
};

TEST_F(Predict, ImagesOfAFolderWithoutTheRunsData) {
  predict(run_dir() + " " + folder + "/data --out " + folder + "/known.csv --quiet", 0, "wrote ");
  expect("eval --json --split test --run " + run_dir() + " --logits " + folder + "/test.npy", 0, "\"accuracy\"");
  fs::rename(folder + "/data", folder + "/elsewhere");
  const std::string out = folder + "/p.csv";
  predict(run_dir() + " " + folder + "/new --out " + out + " --probabilities " + folder + "/p.npy", 0, "it's, 0");
  const std::vector<Row> all = rows(out);
  ASSERT_EQ(all.size(), 7u);
  std::vector<std::string> items;
  for (const Row& row : all) {
    items.push_back(row.item);
    double sum = 0, most = 0;
    for (const double p : row.all) sum += p, most = std::max(most, p);
    EXPECT_EQ(row.all.size(), 4u);
    EXPECT_NEAR(sum, 1, 1e-6);
    EXPECT_EQ(row.probability, most);
    EXPECT_EQ(row.name.substr(0, 6), "it's, ");
  }
  EXPECT_EQ(items, (std::vector<std::string>{"0.png", "2.png", "4.png", "6.png", "a/1.png", "a/3.png", "a/5.png"}));
  predict(run_dir() + " " + folder + "/new --out " + out, 73, "p.csv");  // nothing is replaced
  // A weights file alone says as much.
  predict(run_dir() + "/rounds/00/weights.safetensors " + folder + "/new --out " + folder + "/q.csv", 0, "wrote");
  EXPECT_EQ(read(folder + "/q.csv"), read(out));
  // Hotter logits, flatter probabilities, the same classes.
  predict(run_dir() + " " + folder + "/new --temperature 10 --out " + folder + "/hot.csv", 0, "softmax(logits / 10)");
  const std::vector<Row> hot = rows(folder + "/hot.csv");
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(hot[i].name, all[i].name);
    EXPECT_LE(hot[i].probability, all[i].probability);
  }
}

TEST_F(Predict, AreThoseOfEval) {
  fs::create_directories(folder + "/test");
  std::vector<std::string> tested;
  data::CsvReader csv(read(folder + "/data/labels.csv"), "labels.csv");
  while (csv.next())
    if (csv[2] == "test")
      fs::copy_file(folder + "/data/" + csv[0], folder + "/test/" + csv[0]), tested.push_back(csv[1]);
  predict(run_dir() + " " + folder + "/test --out " + folder + "/p.csv", 0, "");
  const std::string json = expect("eval --json --split test --run " + run_dir(), 0, "\"accuracy\"");
  const std::vector<Row> all = rows(folder + "/p.csv");
  ASSERT_EQ(all.size(), tested.size());
  expect("eval --run " + run_dir() + " --page " + folder + "/e.html --mistakes " + folder + "/m.csv", 0, "accuracy");
  EXPECT_NE(read(folder + "/e.html").find("it&#39;s, 0"), std::string::npos);
  data::CsvReader wrong(read(folder + "/m.csv"), "m.csv");
  int64_t mistakes = 0;
  while (wrong.next()) {
    ++mistakes;
    EXPECT_NE(wrong[2], wrong[3]);
  }
  std::map<std::string, std::string> truth;
  data::CsvReader again(read(folder + "/data/labels.csv"), "labels.csv");
  while (again.next()) truth[again[0]] = again[1];
  double right = 0;
  for (const Row& row : all) right += row.name == truth.at(row.item);
  const size_t at = json.find("\"accuracy\":") + 11;
  EXPECT_EQ(mistakes, int64_t(all.size()) - int64_t(right));
  EXPECT_NEAR(std::stod(json.substr(at)), right / double(all.size()), 1e-6);
}

TEST_F(Predict, OtherSizesAndFilesThatCannotBeRead) {
  write_file(folder + "/large/wide.png", data::encode_png({40, 60, std::vector<uint8_t>(40 * 60 * 3, 200)}));
  predict(run_dir() + " " + folder + "/large --out " + folder + "/l.csv", 0,
          "1 image had another size and was brought to 16x16 (data.crop = center)");
  write(folder + "/new/broken.png", "\x89PNG\r\n\x1a\nnothing");
  predict(run_dir() + " " + folder + "/new --out " + folder + "/p.csv", 65, "--skip-unreadable");
  EXPECT_FALSE(fs::exists(folder + "/p.csv"));
  predict(run_dir() + " " + folder + "/new --out " + folder + "/p.csv --skip-unreadable", 0,
          "1 file cannot be read and is left out");
  EXPECT_EQ(rows(folder + "/p.csv").size(), 7u);
  fs::create_directories(folder + "/empty");
  predict(run_dir() + " " + folder + "/empty --out " + folder + "/e.csv", 66, "no PNG or JPEG file lies below");
  predict(run_dir() + " " + folder + "/nowhere.png --out " + folder + "/e.csv", 66, "nowhere.png");
  predict(folder + "/nowhere " + folder + "/new --out " + folder + "/e.csv", 66, "nowhere");
  predict(run_dir() + " " + folder + "/new --calibrate --out " + folder + "/e.csv", 78, "data.validation_size");
  predict(run_dir() + " " + folder + "/new --round 5 --out " + folder + "/e.csv", 66, "there is no round 5");
  predict(run_dir() + " " + folder + "/new", 64, "--out");
}

class CalibratedPredict : public Predict {
 protected:
  CalibratedPredict() { more_ = "--set data.validation_size=8 "; }
};

TEST_F(CalibratedPredict, ByTheHeldOutItems) {
  predict(run_dir() + " " + folder + "/new --calibrate --out " + folder + "/p.csv", 0, "softmax(logits / ");
}

}  // namespace
}  // namespace crc::test
