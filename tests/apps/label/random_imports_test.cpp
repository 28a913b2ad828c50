// Ten thousand files as spreadsheets, pandas and accidents write them: each is read right, or refused with its line and
// a reason, and then nothing has changed.
#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "apps/label/formats.h"
#include "apps/session/answers.h"
#include "data/csv.h"
#include "kernels/core/error.h"
#include "kernels/core/random.h"
#include "tests/apps/scratch_dir.h"

namespace crc::apps::test {
namespace {

constexpr int64_t kItems = 60;
// Numbers, padded numbers, names that begin with another, names that must be quoted, letters of two bytes.
const std::vector<std::string> kNames{"cat", "cattle", "01", "1", "a,b; \"c\"", "caf\xc3\xa9", "two\nlines", "=x"};

enum class Defect {
  none,
  cut,
  contradiction,
  unknown_item,
  unknown_class,
  short_row,
  long_row,
  open_quote,
  other_file,
  latin1,
  no_mark,
  no_heading,
  count
};

struct Row {
  int64_t item;
  std::string cell;  // of the column class
};

struct File {
  std::string bytes;
  std::map<int64_t, std::string> truth;  // what its rows say, by item: a class's name or a word
  Defect defect = Defect::none;
  bool certain = false;     // the defect must be refused
  bool open_ended = false;  // without a line break at the end, which may be refused
};

class Maker {
 public:
  explicit Maker(int64_t k) : draws_(7, Purpose::test, k, 0) {}

  File make() {
    File file;
    file.defect = pick(2) ? Defect::none : Defect(pick(int(Defect::count)));
    std::vector<Row> rows = draw_rows(file);
    const std::string separators = ",;\t";
    separator_ = separators[size_t(pick(3))];
    all_quoted_ = pick(4) == 0;
    const char* const ends[] = {"\n", "\r\n", "\r"};
    end_ = ends[pick(3)];
    columns_ = draw_columns(file.defect);
    std::string text;
    if (separator_ != ',' && pick(3) == 0) text += std::string("sep=") + separator_ + end_;
    std::vector<std::string> heading;
    for (const std::string& column : columns_) heading.push_back(column == "index" ? "" : column);
    if (file.defect != Defect::no_heading) text += line(heading);
    const int spoilt = rows.empty() ? 0 : pick(int(rows.size()));
    for (int k = 0; k < int(rows.size()); ++k) {
      std::vector<std::string> cells = cells_of(rows[size_t(k)], k);
      if (k == spoilt) spoil(file, cells);
      text += line(cells);
      if (k == spoilt && file.defect == Defect::open_quote)
        text.insert(text.size() - end_.size(), " \"x\" y"), text += '"';
      if (pick(8) == 0 && columns_.size() > 1) text += line(std::vector<std::string>(columns_.size()));
    }
    file.open_ended = pick(3) == 0;
    if (file.open_ended) text.resize(text.size() - end_.size());
    if (file.defect == Defect::cut) text.resize(size_t(pick(int(text.size()) + 1)));
    file.bytes = encoded(text, file);
    return file;
  }

 private:
  int pick(int n) { return int(draws_.below(uint32_t(n))); }

  std::vector<Row> draw_rows(File& file) {
    std::vector<int64_t> items(kItems);
    std::iota(items.begin(), items.end(), 0);
    for (size_t k = items.size(); k > 1; --k) std::swap(items[k - 1], items[size_t(pick(int(k)))]);
    std::vector<Row> rows;
    for (int k = pick(12); k >= 0; --k) {
      const char* const words[] = {"unsure", "Skip", "none of these"};
      const int what = pick(10);
      const std::string cell = what == 0 ? "" : what == 1 ? words[pick(3)] : kNames[size_t(pick(int(kNames.size())))];
      rows.push_back({items[size_t(k)], cell});
      if (!cell.empty()) file.truth[items[size_t(k)]] = cell;
      if (!cell.empty() && pick(5) == 0) rows.push_back(rows.back());  // said twice
    }
    if (file.defect == Defect::contradiction && !rows.back().cell.empty()) {
      rows.push_back({rows.back().item, rows.back().cell == "cat" ? "cattle" : "cat"});
      file.certain = true;
    }
    return rows;
  }

  std::vector<std::string> draw_columns(Defect defect) {
    std::vector<std::string> columns{"item", "class"};
    for (const char* more : {"file", "score", "who"})
      if (pick(2) || (defect == Defect::other_file && more == std::string("file"))) columns.push_back(more);
    if (pick(3) == 0) columns.insert(columns.begin(), "index");  // as pandas writes it
    for (size_t k = columns.size(); k > 1; --k) std::swap(columns[k - 1], columns[size_t(pick(int(k)))]);
    return columns;
  }

  std::vector<std::string> cells_of(const Row& row, int k) {
    std::vector<std::string> cells;
    for (const std::string& column : columns_)
      cells.push_back(column == "item"    ? std::to_string(row.item) + (pick(6) == 0 ? ".0" : "")
                      : column == "class" ? row.cell
                      : column == "file"  ? std::to_string(row.item) + ".png"
                      : column == "score" ? "0.5"
                      : column == "who"   ? "ann"
                                          : std::to_string(k));
    return cells;
  }

  size_t place_of(const std::string& column) const {
    return size_t(std::ranges::find(columns_, column) - columns_.begin());
  }

  void spoil(File& file, std::vector<std::string>& cells) {
    switch (file.defect) {
      case Defect::unknown_item: {
        const char* const wrong[] = {"60", "-1", "x", "1.5", "", "99999999999999999999"};
        cells[place_of("item")] = wrong[pick(6)];
        break;
      }
      case Defect::unknown_class: {
        const char* const wrong[] = {"dog", "Cat", "cat ", "1.0", "2", "nan"};
        cells[place_of("class")] = wrong[pick(6)];
        break;
      }
      case Defect::short_row:
        if (cells.size() > 1) cells.pop_back();
        break;
      case Defect::long_row:
        cells.emplace_back("more");
        break;
      case Defect::other_file:
        cells[place_of("file")] = "61.png";
        break;
      case Defect::open_quote:  // a cell without quotes may hold some
        file.certain = all_quoted_;
        return;
      default:
        return;
    }
    file.certain = true;
  }

  std::string line(const std::vector<std::string>& cells) const {
    std::string text;
    for (size_t k = 0; k < cells.size(); ++k) {
      if (k > 0) text += separator_;
      const bool quoted = all_quoted_ || cells[k].find_first_of(",;\t\"\r\n") != std::string::npos;
      if (!quoted) {
        text += cells[k];
        continue;
      }
      text += '"';
      for (const char c : cells[k]) text += c == '"' ? std::string("\"\"") : std::string(1, c);
      text += '"';
    }
    return text + end_;
  }

  std::string encoded(const std::string& text, File& file) {
    const bool plain = text.find('\xc3') == std::string::npos;
    std::string latin1;
    for (size_t k = 0; k < text.size(); ++k)
      latin1 += text[k] == '\xc3' ? (++k < text.size() ? char(text[k] + 0x40) : '\xc3') : text[k];
    if (file.defect == Defect::latin1) {
      file.certain = !plain;
      return latin1;
    }
    const int how = file.defect == Defect::no_mark ? 2 + pick(2) : file.defect == Defect::cut ? pick(2) : pick(4);
    if (how < 2) return (how == 1 ? "\xef\xbb\xbf" : "") + text;
    std::string wide = file.defect == Defect::no_mark ? "" : how == 2 ? "\xff\xfe" : "\xfe\xff";
    for (const char c : latin1) wide += how == 2 ? std::string{c, '\0'} : std::string{'\0', c};
    if (file.defect == Defect::no_mark) file.certain = true;
    return wide;
  }

  Draws draws_;
  char separator_ = ',';
  bool all_quoted_ = false;
  std::string end_;
  std::vector<std::string> columns_;
};

std::string shown(const Answer& answer) {
  return answer.class_index >= 0 ? kNames[size_t(answer.class_index)] : answer.skip;
}

class RandomImports : public ::testing::Test {
 protected:
  RandomImports() {
    dataset.class_names = kNames;
    dataset.train.count = kItems;
    dataset.train.labels.assign(size_t(kItems), -1);
    for (int64_t item = 0; item < kItems; ++item) dataset.train.names.push_back(std::to_string(item) + ".png");
  }
  WaitingRun waiting() {
    fs::remove_all(scratch / "run");
    RunDir directory = RunDir::create(scratch / "run", Config(),
                                      {.arguments = {},
                                       .device = "",
                                       .libraries = {},
                                       .determinism = "strict",
                                       .data_hash = "",
                                       .limits = {.items = kItems, .classes = int64_t(kNames.size())},
                                       .class_names = kNames});
    const std::vector<Answer> first{{0, 0}};  // the last item is never answered: the query stays open
    directory.record(0, "initial", first);
    Query query{.round = 1, .folder = "rounds/00", .items = {}};
    for (int64_t item = 1; item <= kItems; ++item) query.items.push_back(item % kItems);
    query.items.pop_back();
    directory.files().commit({{"rounds/00/query.csv", "item\n"}}, query);
    Journal journal(directory, query);
    return {std::move(directory), dataset, query, std::move(journal)};
  }
  ScratchDir scratch;
  data::Dataset dataset;
};

TEST_F(RandomImports, AreRightOrRefusedWithLineAndReason) {
  std::optional<WaitingRun> run(waiting());
  const fs::path ledger = scratch / "run/labels.jsonl";
  const std::string before = read_file(ledger);
  const LabelNames names(dataset);
  std::map<int64_t, std::string> stands;  // what the journal should hold
  int64_t accepted = 0, refused = 0, subsets = 0;
  for (int64_t k = 0; k < 10000; ++k) {
    File file = Maker(k).make();
    const std::string journal = fs::exists(run->journal.path()) ? read_file(run->journal.path()) : "";
    std::string words = "accepted";
    LabelFile read;
    try {
      read = read_labels(file.bytes, "labels.csv", names);
      std::erase_if(read.answers, [&](const auto& answer) { return answer.first == 59; });
      if (!read.answers.empty() && k % 10 == 0)
        record_answers(*run, read.answers, {"file:labels.csv", "labels.csv", "the file"}, {.partial = true},
                       [](const std::string&) {});
    } catch (const Error& error) {
      words = error.what();
      ASSERT_EQ(error.code(), ExitCode::corrupt_data) << k << ": " << words;
    }
    ASSERT_EQ(read_file(ledger), before) << k;
    if (words != "accepted") {
      ++refused;
      ASSERT_TRUE(file.defect != Defect::none || (file.open_ended && words.find("was it cut off?") != words.npos))
          << k << ": " << words << "\n"
          << file.bytes;
      ASSERT_TRUE(words.starts_with("labels.csv:") || words.starts_with("labels.csv is no text")) << k << ": " << words;
      ASSERT_EQ(fs::exists(run->journal.path()) ? read_file(run->journal.path()) : "", journal) << k;
      continue;
    }
    ++accepted;
    ASSERT_FALSE(file.certain) << k << ": accepted with defect " << int(file.defect) << "\n" << file.bytes;
    for (const auto& [item, answer] : read.answers) {
      ASSERT_TRUE(file.truth.contains(item)) << k << ": item " << item << "\n" << file.bytes;
      const std::string& said = file.truth[item];
      ASSERT_TRUE(shown(answer) == said || shown(answer) == word_for_no_class(said))
          << k << ": item " << item << " is " << shown(answer) << " instead of " << said << "\n"
          << file.bytes;
      if (k % 10 == 0 && item != 0) stands[item] = shown(answer);
    }
    file.truth.erase(59);
    if (file.defect == Defect::cut)
      subsets += read.answers.size() < file.truth.size();
    else
      ASSERT_EQ(read.answers.size(), file.truth.size()) << k << "\n" << file.bytes;
  }
  EXPECT_GT(accepted, 5000);
  EXPECT_GT(refused, 2000);
  EXPECT_GT(subsets, 50);
  const Journal journal(run->directory, run->query);
  for (int64_t item = 1; item < kItems; ++item) {
    const auto said = journal.of(item);
    EXPECT_EQ(said ? shown(*said) : "", stands.contains(item) ? stands[item] : "") << item;
  }
}

}  // namespace
}  // namespace crc::apps::test
