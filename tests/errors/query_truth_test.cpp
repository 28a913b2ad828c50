// What a run asked for stands in the run; query.csv is a copy for people, who do with it what people do.
#include <algorithm>

#include "tests/errors/own_images.h"

namespace crc::test {
namespace {

class QueryTruth : public Outside {
 protected:
  // A run over own images that waits for ten labels.
  void SetUp() override {
    classes = write_digits(folder, 60, 20, 20);
    expect("run --out " + at() +
               " --set run.device=cpu --set run.threads=1 --set data.name=folder --set data.dir=" + folder +
               " --set model.depth=10 --set model.width=1 --set model.first_stride=2 --set ssl.batch=4 --set ssl.mu=1"
               " --set ssl.epochs=1 --set ssl.steps_per_epoch=2 --set acquisition.budget=10"
               " --set acquisition.first=given --set acquisition.rounds=1 --quiet",
           10, "crc_train label");
    for (std::string line, text = read(query()); !text.empty(); text.erase(0, line.size() + 1))
      rows.push_back(line = text.substr(0, text.find('\n')));
  }
  static void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }
  std::string at() const { return folder + "/run"; }
  std::string query() const { return at() + "/rounds/00/query.csv"; }
  int64_t item(size_t row) const { return std::stoll(rows[row]); }
  // query.csv's rows, in this order, with the column that answers them.
  std::string answered(const std::vector<size_t>& order) const {
    std::string text = rows[0] + ",class\n";
    for (size_t row : order) text += rows[row] + "," + classes[size_t(item(row))] + "\n";
    return text;
  }
  std::string all_answers() const {
    std::string text = "item,class\n";
    for (size_t i = 0; i < classes.size(); ++i) text += std::to_string(i) + "," + classes[i] + "\n";
    return text;
  }
  void expect_the_end(const std::string& source) const {
    expect("resume " + at() + " --quiet", 0, "");
    const std::string ledger = read(at() + "/labels.jsonl");
    size_t place = 0;
    for (size_t row = 1; row < rows.size(); ++row) {  // in the query's own order
      const std::string label = "\"item\":" + std::to_string(item(row)) + ",\"class\":";
      place = ledger.find(label, place);
      ASSERT_NE(place, std::string::npos) << label << " in\n" << ledger;
    }
    EXPECT_NE(ledger.find("\"source\":\"file:" + source + "\""), std::string::npos);
  }
  std::vector<std::string> classes, rows;
};

const std::vector<size_t> kReversed{10, 9, 8, 7, 6, 5, 4, 3, 2, 1};

TEST_F(QueryTruth, AQueryThatWasSortedAndFilledInWhereItLies) {
  write(query(), answered(kReversed));
  expect("label " + at() + " " + query(), 0, "10 labels recorded, 30 in the ledger");
  expect_the_end("query.csv");
  EXPECT_EQ(read(query()), answered(kReversed)) << "what a person filled in is kept";
  expect("verify " + at(), 0, "ok           rounds/00/query.csv");
}

TEST_F(QueryTruth, RowsThatWereChangedChangeNothing) {
  write(folder + "/answers.csv", all_answers());
  for (const std::string& edited : {rows[0] + "\n999999,0,1\n-5,0,1\n", std::string("spoilt"), rows[0] + "\n"}) {
    write(query(), edited);
    expect("verify " + at(), 65, "nothing depends on it");
  }
  const std::string words = expect("label " + at() + " " + folder + "/answers.csv", 0, "10 labels recorded");
  EXPECT_NE(words.find("query.csv was changed after the run wrote it"), std::string::npos) << words;
  EXPECT_NE(words.find("the run asks for the 10 items that manifest.json holds"), std::string::npos) << words;
  expect_the_end("answers.csv");
}

TEST_F(QueryTruth, RowsThatWereRemovedAreAskedForAgain) {
  write(query(), answered({1, 2, 3}));
  expect("label " + at() + " " + query(), 10, "7 of 10 queried items have no label in");
  const Outcome resumed = run("resume " + at());  // a person's work in the run is not overwritten
  EXPECT_EQ(resumed.code, 10) << resumed.words;
  EXPECT_NE(resumed.words.find("is left as it is"), std::string::npos) << resumed.words;
  EXPECT_EQ(read(query()), answered({1, 2, 3}));
  fs::remove(query());
  expect("resume " + at() + " --quiet", 10, "has no label");
  EXPECT_EQ(read(query()).substr(0, rows[0].size()), rows[0]);
  write(folder + "/answers.csv", answered(kReversed));
  expect("label " + at() + " " + folder + "/answers.csv", 0, "10 labels recorded");
  expect_the_end("answers.csv");
}

TEST_F(QueryTruth, ARunOfAnEarlierVersionAsksOnceMore) {
  for (const char* name : {"manifest.json", "manifest-copy.json", "ckpt/index-copy.json"})
    fs::remove(at() + "/" + name);
  std::string run_json = read(at() + "/run.json");
  const std::string mark = ",\n \"manifest\": 1";
  write(at() + "/run.json", run_json.replace(run_json.find(mark), mark.size(), ""));
  write(query(), answered(kReversed));
  expect("label " + at() + " " + query(), 10, "ask again with: crc_train resume");
  expect("resume " + at() + " --quiet", 10, "has no label");
  EXPECT_EQ(read(query()), answered(kReversed));
  expect("label " + at() + " " + query(), 0, "10 labels recorded");
  expect_the_end("query.csv");
}

}  // namespace
}  // namespace crc::test
