// Nothing is measured where there is nothing to measure by, and held-out images are labelled ones.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "data/dataset.h"
#include "data/png.h"
#include "tests/errors/outside.h"
#include "tests/write_file.h"

namespace crc::test {
namespace {

using json = nlohmann::json;

const std::string kFolderRun =
    " --set run.device=cpu --set run.threads=1 --set data.name=folder --set model.depth=10 --set model.width=1"
    " --set model.base_channels=2 --set model.first_stride=2 --set ssl.batch=4 --set ssl.mu=1 --set ssl.epochs=6"
    " --set ssl.steps_per_epoch=3 --set ssl.patience_epochs=1 --set acquisition.name=random"
    " --set acquisition.budget=10 --set acquisition.initial=10 --set acquisition.rounds=1 --set run.seed=2 ";

class NoTestSet : public Outside {
 protected:
  // `labeled` of `train` images have a label, the classes in turn; ten test images if `tested`.
  std::string images(int64_t train, int64_t labeled, bool tested) const {
    const data::Dataset digits = data::load({"street_digits", "", {{"train", std::to_string(train)}, {"test", "10"}}});
    std::string list = "path,label,split\n";
    const auto add = [&](const data::Images& set, int64_t known, const std::string& split) {
      for (int64_t i = 0; i < set.count; ++i) {
        const auto pixels = set.image(i);
        const std::string name = split + std::to_string(i) + ".png";
        write_file(folder + "/" + name, data::encode_png({set.height, set.width, {pixels.begin(), pixels.end()}}));
        list += name + "," + (i < known ? "digit" + std::to_string(i % 10) : "") + "," + split + "\n";
      }
    };
    add(digits.train, labeled, "train");
    if (tested) add(digits.test, digits.test.count, "test");
    write_file(folder + "/labels.csv", list);
    return " --set data.dir=" + folder + " ";
  }
  std::vector<json> metrics() const {
    std::vector<json> lines;
    std::istringstream text(read(out() + "/metrics.jsonl"));
    for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
    return lines;
  }
  std::string out() const { return folder + "/run"; }
};

// What a file of the last epoch would be if it called itself the best.
std::string as_best(std::string weights) {
  const std::string last = "\"crc.epoch\":\"last\"";
  const size_t at = weights.find(last);
  if (at != weights.npos) weights.replace(at, last.size(), "\"crc.epoch\":\"best\"");
  return weights;
}

TEST_F(NoTestSet, NothingIsMeasuredAndTheLastModelIsTheBest) {
  const std::string words = expect("run" + kFolderRun + images(100, 100, false) + " --out " + out(), 0,
                                   "stopped at the cap of 6 epochs: no labelled test images to measure by");
  EXPECT_EQ(words.find("accuracy"), std::string::npos) << words;
  const std::vector<json> lines = metrics();
  ASSERT_EQ(lines.size(), 12u);  // no patience
  for (const json& line : lines)
    for (const char* field : {"test_acc", "test_loss", "balanced_acc", "ece"})
      EXPECT_TRUE(line.at(field).is_null()) << line;
  EXPECT_NE(read(out() + "/rounds.csv").find("\n0,10,,,,,,,"), std::string::npos) << read(out() + "/rounds.csv");
  for (const char* round : {"/rounds/00/", "/rounds/01/"})
    EXPECT_TRUE(read(out() + round + "best.safetensors") == as_best(read(out() + round + "weights.safetensors")))
        << round;
  const std::string html = read(out() + "/report.html");
  EXPECT_NE(html.find("No test accuracy: the data set has no labelled test images"), std::string::npos);
  EXPECT_EQ(html.find(">nan"), std::string::npos);
  const std::string table = expect("report " + out(), 0, "| random | – | – |");
  EXPECT_EQ(table.find("nan"), std::string::npos) << table;
  expect("run --dry-run" + kFolderRun + " --set data.dir=" + folder, 0, "no test image has a label: no test accuracy");
}

TEST_F(NoTestSet, HeldOutImagesChooseInItsPlace) {
  const std::string words =
      expect("run" + kFolderRun + images(100, 100, false) + " --set data.validation_size=20 --out " + out(), 0,
             "best validation accuracy ");
  EXPECT_EQ(words.find("test accuracy"), std::string::npos) << words;
  int64_t first = 0;
  for (const json& line : metrics()) {
    EXPECT_TRUE(line.at("test_acc").is_null());
    EXPECT_TRUE(line.at("val_acc").is_number()) << line;
    first += line.at("round") == 0;
  }
  EXPECT_LT(first, 6);  // patience
  EXPECT_EQ(json::parse(read(out() + "/run.json")).at("validation_labels"), 20);
  EXPECT_EQ(json::parse(read(out() + "/run.json")).at("items"), 80);
}

// Several averages: after every epoch the held-out images choose the one that is tested, and nothing else may.
TEST_F(NoTestSet, HeldOutImagesChooseTheAverage) {
  const std::string settings = kFolderRun + images(100, 100, true) + "--out " + out() + " ";
  const std::string decays = "--set 'ssl.ema_decays=0.5 0.9' ";
  for (const char* how : {"run --dry-run ", "run "})
    expect(how + settings + decays, 78, "ssl.ema_decays: which average is tested is chosen on held-out items");
  const std::string held_out = "--set data.validation_size=20 ";
  expect("run " + settings + held_out + "--set 'ssl.ema_decays=0.5 x'", 78,
         R"(ssl.ema_decays = "0.5 x": "x" is not a number from 0 to 1; write "0.99 0.9999")");
  expect("run " + settings + held_out + "--set ssl.ema_decays=1.5", 78, "is not a number from 0 to 1");
  expect("run " + settings + held_out + "--set ssl.ema_decays=0.999", 78, "is kept anyway");
  EXPECT_FALSE(fs::exists(out()));
  expect("run " + settings + held_out + decays + "--quiet", 0, "");
  std::set<double> chosen;
  for (const json& line : metrics()) {
    const std::vector<double> each = line.at("val_acc_by_decay"), of{0.999, 0.5, 0.9};
    ASSERT_EQ(each.size(), 3u);
    const size_t best = size_t(std::ranges::max_element(each) - each.begin());
    EXPECT_EQ(line.at("val_acc"), each[best]);
    EXPECT_EQ(line.at("tested_decay"), of[best]);
    chosen.insert(of[best]);
  }
  EXPECT_GT(chosen.size(), 1u) << "a run that never has a choice tests nothing";
}

// 40 of 200 images have a label: the held-out ones are among those, and the plan says what remains.
TEST_F(NoTestSet, AMostlyUnlabelledPoolHoldsOutLabelledImages) {
  const std::string settings = kFolderRun + images(200, 60, true) + "--set acquisition.first=given ";
  const std::string plan =
      expect("run --dry-run" + settings + "--set data.validation_size=20", 0, "40 at first (given by the data set)");
  EXPECT_NE(plan.find("20 labels more, of the held-out images, choose the best epoch"), std::string::npos) << plan;
  expect("run" + settings + "--set data.validation_size=20 --quiet --out " + out(), 10, "has no label");
  for (const json& line : metrics()) EXPECT_TRUE(line.at("val_acc").is_number()) << line;
  const std::string again = settings + "--out " + folder + "/refused --set data.validation_size=";
  for (const char* how : {"run ", "run --dry-run "}) {
    expect(how + again + "9", 78,
           "data.validation_size = 9: 60 of 200 training images have a label, and each of the 10 "
           "classes must give one of them and keep one; choose 10 to 50");
    expect(how + again + "51", 78, "choose 10 to 50");
    expect(how + again + "20 --set data.validation=any", 78, "of them without a label, which measure nothing");
  }
  EXPECT_FALSE(fs::exists(folder + "/refused"));
}

TEST_F(NoTestSet, TooFewLabelsOfAClassAreCounted) {
  expect("run" + kFolderRun + images(100, 12, true) +
             "--set acquisition.first=given --set data.validation_size=10 --out " + out(),
         78, "too few have (");
  EXPECT_FALSE(fs::exists(out()));
}

// The methods of a table start from the pool of median accuracy: there must be one.
TEST_F(NoTestSet, ASweepThatComparesPoolsNeedsAMeasure) {
  const std::string sweep = "sweep table6 --only 'q50-(pool|random)' --trials 1 --quiet --out " + out() + kFolderRun +
                            images(100, 100, false);
  expect(sweep + "--pools 1", 78, "there is none without labelled test images; with --pools 0");
  EXPECT_FALSE(fs::exists(out()));
  expect(sweep + "--pools 0", 0, "–");
}

}  // namespace
}  // namespace crc::test
