// From outside: pools that hold the same item twice, pools that tell nothing, and numbers at the ends of their range.
#include <algorithm>
#include <cmath>

#include "data/dataset.h"
#include "tests/errors/select_fixture.h"

namespace crc::test {
namespace {

// Built-in digits in grey, as IDX files like MNIST's; the training images named in `copies` repeat the one before.
struct GreyDigits {
  static constexpr int64_t kTrain = 160, kTest = 20;
  data::Dataset set;
  int64_t pixels;

  explicit GreyDigits(const std::vector<int64_t>& copies)
      : set(data::load(
            {.name = "street_digits",
             .dir = {},
             .options = {{"profile", "easy"}, {"train", std::to_string(kTrain)}, {"test", std::to_string(kTest)}}})),
        pixels(set.train.height * set.train.width) {
    for (int64_t item : copies) {
      std::copy_n(set.train.image(item - 1).begin(), 3 * pixels, set.train.pixels.begin() + item * 3 * pixels);
      set.train.labels[size_t(item)] = set.train.labels[size_t(item - 1)];
    }
  }
  static void number(std::ofstream& out, int64_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.put(char(value >> shift));
  }
  void write(const std::string& folder) const {
    for (const auto& [name, images] : {std::pair{"train", &set.train}, {"t10k", &set.test}}) {
      std::ofstream x(folder + "/" + name + "-images-idx3-ubyte", std::ios::binary),
          y(folder + "/" + name + "-labels-idx1-ubyte", std::ios::binary);
      number(x, 0x803), number(y, 0x801);
      for (int64_t extent : {images->count, images->height, images->width}) number(x, extent);
      number(y, images->count);
      for (size_t k = 0; k < images->pixels.size(); k += 3) x.put(char(images->pixels[k]));
      for (int32_t label : images->labels) y.put(char(label));
    }
  }
  std::vector<float> features() const {
    std::vector<float> h;
    for (size_t k = 0; k < set.train.pixels.size(); k += 3) h.push_back(float(set.train.pixels[k]) / 255);
    return h;
  }
};

std::vector<double> scores_of(const std::string& csv) {
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  std::vector<double> scores;
  while (std::getline(lines, line)) scores.push_back(std::stod(line.substr(line.find(',', line.find(',') + 1) + 1)));
  return scores;
}

using Degenerate = SelectFixture;

// The labelled items 0 to 19 hold one pair of equal images.
TEST_F(Degenerate, AnEqualPairAmongTheLabelledLeavesCrcOn) {
  const GreyDigits digits({7, 60, 61, 90});
  write<float>("x.npy", digits.features(), {GreyDigits::kTrain, digits.pixels});
  std::string mask;
  for (int item = 0; item < 20; ++item) mask += std::to_string(item) + "\n";
  write_text("first.txt", mask);
  for (const char* search : {"partition --group 2", "independent --group 2 --draws 300", "greedy", "exchange"}) {
    const std::string words =
        expect("--features x.npy --labeled first.txt --budget 6 --classes 10 --force --out picks.csv --search " +
                   std::string(search),
               0, "; L spans 19 of 20 dimensions");
    EXPECT_EQ(words.find("warning"), std::string::npos) << words;
    for (double score : scores_of(read("picks.csv"))) EXPECT_GT(score, 0) << search;
    std::vector<int64_t> items = picks("picks.csv"), smallest(6);
    for (int64_t k = 0; k < 6; ++k) smallest[size_t(k)] = 20 + k;
    std::ranges::sort(items);
    EXPECT_NE(items, smallest) << search;
  }
}

TEST_F(Degenerate, AnEqualPairAmongTheLabelledOfARun) {
  GreyDigits({1}).write(folder);
  const std::string tiny =
      "run --quiet --set run.device=cpu --set data.name=mnist --set data.dir=" + folder +
      " --set model.base_channels=4 --set model.depth=10 --set model.width=2 --set model.first_stride=2 --set "
      "ssl.batch=4"
      " --set ssl.mu=1 --set ssl.epochs=1 --set ssl.steps_per_epoch=3 --set acquisition.rounds=1 --set "
      "acquisition.first=leading --set acquisition.initial=6 --set acquisition.budget=4 --set acquisition.group_size=2";
  for (const char* name : {"crc", "crc_layers", "crc_full"}) {
    const std::string out = folder + "/" + name;
    const Outcome o = shell("exec " + kTrain + " " + tiny + " --set acquisition.name=" + name + " --out " + out);
    ASSERT_EQ(o.code, 0) << o.words;
    const std::string log = Outside::read(out + "/log.txt");
    EXPECT_NE(log.find("; L spans 5 of 6 dimensions"), std::string::npos) << log;
    EXPECT_EQ(log.find("warning"), std::string::npos) << log;
    for (double score : scores_of(Outside::read(out + "/rounds/00/query.csv"))) EXPECT_GT(score, 0) << name;
  }
}

TEST_F(Degenerate, APoolThatTellsNothingIsDrawnAtRandomAndSaid) {
  write<float>("flat.npy", std::vector<float>(60 * 4, 1.5f), {60, 4});
  write<float>("passes.npy", std::vector<float>(3 * 60 * 4, 1.5f), {3, 60, 4});
  write<float>("head.npy", std::vector<float>(4 * 4, 0.5f), {4, 4});
  write<int64_t>("labels.npy", std::vector<int64_t>(60, 0), {60});
  const std::string base =
      "--features flat.npy --logits flat.npy --samples passes.npy --head head.npy --labels labels.npy --labeled l.npy "
      "--budget 5 --force --out picks.csv ";
  for (const char* name : {"crc",
                           "coreset",
                           "badge",
                           "entropy",
                           "margin",
                           "confidence",
                           "egl_last",
                           "kmeans",
                           "typiclust",
                           "probcover",
                           "maxherding",
                           "uherding",
                           "facility_location",
                           "rdss",
                           "bald",
                           "batchbald",
                           "galaxy",
                           "dcom",
                           "dropquery",
                           "alfamix"}) {
    const std::string words = expect(base + "--summary page.html --acquisition " + name, 0,
                                     "picks are drawn at random (seed 0, round 0) among ");
    EXPECT_NE(words.find("warning: "), std::string::npos) << words;
    EXPECT_NE(read("page.html").find("Warning: "), std::string::npos) << name;
    const auto first = picks("picks.csv");
    EXPECT_NE(first, (std::vector<int64_t>{0, 2, 4, 5, 6})) << name;
    expect(base + "--seed 1 --acquisition " + std::string(name), 0, "(seed 1, round 0)");
    EXPECT_NE(picks("picks.csv"), first) << name;
    expect(base + "--acquisition " + std::string(name), 0, "(seed 0, round 0)");
    EXPECT_EQ(picks("picks.csv"), first) << name;
  }
}

TEST_F(Degenerate, NumbersAtTheEndsOfTheirRange) {
  const auto scaled = [&](const char* name, double factor) {
    std::vector<double> h(features.begin(), features.end());
    for (double& value : h) value *= factor;
    write<double>(name, h, {kItems, kWidth});
  };
  const auto select = [&](const std::string& arguments) {
    expect(arguments + " --labeled l.npy --budget 4 --force --out picks.csv", 0, "wrote picks.csv");
    return picks("picks.csv");
  };
  scaled("large.npy", 0x1p200), scaled("small.npy", 0x1p-200);
  for (const char* name : {"coreset", "badge"}) {
    const std::string rest = std::string(" --logits p.npy --acquisition ") + name;
    const auto expected = select("--features h.npy" + rest);
    EXPECT_EQ(select("--features large.npy" + rest), expected) << name;
    for (double score : scores_of(read("picks.csv"))) EXPECT_TRUE(std::isfinite(score) && score > 0) << name;
    EXPECT_EQ(select("--features small.npy" + rest), expected) << name;
  }
  scaled("huge.npy", 1e200);
  for (const char* name : {"coreset", "badge", "egl_last", "crc"}) {
    expect(
        "--features huge.npy --logits p.npy --labeled l.npy --budget 4 --out no.csv --acquisition " + std::string(name),
        76, "the score of item ");
    EXPECT_FALSE(exists("no.csv")) << name;
  }
  // An offset of all logits changes no probability.
  std::vector<double> logits(60 * 4), moved(60 * 4);
  for (size_t k = 0; k < logits.size(); ++k) {
    logits[k] = double(k * 7 % 11) / 4;
    moved[k] = logits[k] + 1e9;
  }
  write<double>("logits.npy", logits, {60, 4});
  write<double>("moved.npy", moved, {60, 4});
  for (const char* name : {"entropy", "confidence", "margin"}) {
    const auto expected = selected("--logits logits.npy --labeled l.npy --budget 4 --acquisition " + std::string(name));
    EXPECT_EQ(selected("--logits moved.npy --labeled l.npy --budget 4 --acquisition " + std::string(name)), expected);
  }
  // 1e300 is a number: its class is certain.
  logits[0] = 1e300;
  write<double>("certain.npy", logits, {60, 4});
  const auto picked = select("--logits certain.npy --acquisition entropy");
  EXPECT_EQ(std::ranges::find(picked, 0), picked.end());
  // What must be fp32 and does not fit is named.
  Outcome o = shell("exec " + kTrain + " rank-barrier --device cpu --labeled 3 --groups 10 --features " + folder +
                    "/large.npy --out " + folder + "/b.svg");
  EXPECT_EQ(o.code, 76) << o.words;
  EXPECT_NE(o.words.find("features of item 0 are beyond fp32"), std::string::npos) << o.words;
}

// Eigenvalues far below the Gram matrix's rounding.
TEST_F(Degenerate, CollapsedFeaturesAreScored) {
  std::vector<double> h;
  for (int64_t i = 0; i < 600; ++i)
    for (int64_t d = 0; d < 24; ++d) h.push_back(1 + 2e-5 * double(Draws(5, Purpose::test, i, d).uniform(-1, 1)));
  write<double>("collapsed.npy", h, {600, 24});
  std::string first;
  for (int item = 0; item < 21; ++item) first += std::to_string(item) + "\n";
  write_text("first.txt", first);
  const std::string words =
      expect("--features collapsed.npy --labeled first.txt --budget 8 --group 4 --out picks.csv", 0, "wrote picks.csv");
  EXPECT_EQ(words.find("count as 0"), std::string::npos) << words;
  for (double score : scores_of(read("picks.csv"))) EXPECT_GT(score, 0);
}

using DegenerateRuns = Outside;

TEST_F(DegenerateRuns, PseudoAlScoresWholeQueriesOrSaysThatItCannot) {
  const std::string base =
      "run --set data.name=street_digits --set data.train_size=200 --set data.test_size=20 --set "
      "acquisition.protocol=pseudo_al --set "
      "acquisition.initial=10 --set acquisition.rounds=1 --set acquisition.budget=20 --out " +
      folder + "/a ";
  for (const std::string& command : {base, base + "--dry-run "}) {
    expect(
        command + "--set acquisition.search=greedy", 78,
        "acquisition.search = \"greedy\" builds a query item by item, and protocol \"pseudo_al\" takes whole groups");
    expect(
        command + "--set acquisition.group_size=4", 78,
        "acquisition.group_size = 4 with acquisition.protocol = \"pseudo_al\": a group is a whole query there; set it "
        "to acquisition.budget (20), or leave it out");
    expect(command + "--set acquisition.budget=15", 78, "cannot hold equally many of 10 classes");
  }
  EXPECT_FALSE(fs::exists(folder + "/a"));
  expect(base + "--dry-run --set acquisition.group_size=20", 0, "labels ");
  expect(base + "--dry-run", 0, "labels ");
}

TEST_F(DegenerateRuns, ThePlanOfASweepSaysThatItIsNoCell) {
  const std::string words =
      expect("run table3 --dry-run --set data.name=street_digits --set data.train_size=1000 --set data.test_size=20", 0,
             "# table3 is a sweep of many runs, and what follows is none of them");
  EXPECT_NE(words.find("crc_train sweep table3 --dry-run"), std::string::npos);
  EXPECT_EQ(expect("run demo --dry-run", 0, "labels ").find("is a sweep"), std::string::npos);
}

}  // namespace
}  // namespace crc::test
