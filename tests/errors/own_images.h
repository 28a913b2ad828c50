// A person's own images: small digits as PNG files, and what a short run on them needs.
#pragma once

#include "data/csv.h"
#include "data/dataset.h"
#include "data/file.h"
#include "data/png.h"
#include "tests/errors/outside.h"
#include "tests/write_file.h"

namespace crc::test {

// `folder` with small digits as PNG files and a labels.csv in which the first `given` training images have their label,
// and all test images. Returns the labels of all training images.
inline std::vector<std::string> write_digits(const std::string& folder, int64_t train, int64_t test, int64_t given) {
  const data::Dataset digits = data::load(
      {"street_digits", "", {{"profile", "easy"}, {"train", std::to_string(train)}, {"test", std::to_string(test)}}});
  std::vector<std::string> labels;
  data::CsvWriter list({"path", "label", "split"});
  for (int64_t i = 0; i < train + test; ++i) {
    const data::Images& images = i < train ? digits.train : digits.test;
    const int64_t at = i < train ? i : i - train;
    const std::string name = std::to_string(i) + ".png", label = "digit" + std::to_string(images.labels[size_t(at)]);
    const auto pixels = images.image(at);
    write_file(folder + "/" + name, data::encode_png({images.height, images.width, {pixels.begin(), pixels.end()}}));
    list.text(name).text(i < given || i >= train ? label : "").text(i < train ? "train" : "test").end_row();
    if (i < train) labels.push_back(label);
  }
  write_file(folder + "/labels.csv", list.str());
  return labels;
}

class OwnImages : public Outside {
 protected:
  OwnImages() : digits(data::load({"street_digits", "", {{"train", "300"}, {"test", "200"}}})) {}

  // Image `i` of the built-in digits; 300 and above are test images.
  int32_t digit(int64_t i) const {
    return i < 300 ? digits.train.labels[size_t(i)] : digits.test.labels[size_t(i - 300)];
  }
  void png(const fs::path& path, int64_t i) const {
    const auto pixels = i < 300 ? digits.train.image(i) : digits.test.image(i - 300);
    write_file(path, data::encode_png({16, 16, {pixels.begin(), pixels.end()}}));
  }
  void write(const fs::path& path, const std::string& text) const { write_file(path, text); }
  static std::string run_on(const std::string& dir) {
    return " --set data.name=folder --set data.profile= --set data.dir=" + dir +
           " --set model.depth=10 --set model.width=1 --set model.base_channels=4 --set ssl.batch=4 --set ssl.mu=1"
           " --set ssl.epochs=1 --set ssl.steps_per_epoch=2 --set run.threads=1 --set run.device=cpu"
           " --set acquisition.name=random --set acquisition.group_size=1 --set acquisition.budget=6 "
           "--set acquisition.rounds=1 --set acquisition.first=given --quiet ";
  }

  data::Dataset digits;
};

// A labels.csv of 36 training images, the last 12 unlabelled, and 8 test images, all of the first four digits; and a
// run on it that waits for the labels of 6 of the 12.
class WaitingRun : public OwnImages {
 protected:
  // `names` of the four classes; `file` of the image at a place of the list.
  void wait(const std::vector<std::string>& names, const std::function<std::string(int64_t)>& file) {
    data::CsvWriter list({"path", "label", "split"});
    int64_t at = 0;
    for (int64_t i = 0; at < 44; ++i) {
      if (i == 250) i = 300;
      if (digit(i) > 3 || (i < 300 && at == 36)) continue;
      png(folder + "/data/" + file(at), i);
      const std::string& name = names[size_t(digit(i))];
      list.text(file(at)).text(at < 24 || at >= 36 ? name : "").text(at < 36 ? "train" : "test").end_row();
      classes.push_back(digit(i));
      ++at;
    }
    write(folder + "/data/labels.csv", list.str());
    at_ = folder + "/run";
    expect("run demo --out " + at_ + run_on(folder + "/data"), 10, "crc_train label");
    data::CsvReader csv(read(at_ + "/rounds/00/query.csv"), "query.csv");
    while (csv.next()) query.push_back(csv.number<int64_t>(csv.column("item")));
    EXPECT_EQ(query.size(), 6u);
  }
  std::string label(const std::string& text, int code, const std::string& words) const {
    write(folder + "/answers.csv", text);
    const std::string before = read(at_ + "/labels.jsonl");
    const std::string said = expect("label " + at_ + " " + folder + "/answers.csv", code, words);
    if (code != 0) {
      EXPECT_EQ(read(at_ + "/labels.jsonl"), before);
      EXPECT_TRUE(fs::exists(at_ + "/WAITING"));
    }
    return said;
  }
  // The classes of the labels that a person gave, as the ledger has them.
  std::vector<int64_t> recorded() const {
    std::vector<int64_t> all;
    std::istringstream lines(read(at_ + "/labels.jsonl"));
    for (std::string line; std::getline(lines, line);)
      if (line.find("\"source\":\"file:answers.csv\"") != line.npos)
        all.push_back(std::stoll(line.substr(line.find("\"class\":") + 8)));
    return all;
  }
  std::vector<int64_t> truth() const {
    std::vector<int64_t> all;
    for (int64_t item : query) all.push_back(classes[size_t(item)]);
    return all;
  }

  std::string at_;
  std::vector<int64_t> query, classes;
};

}  // namespace crc::test
