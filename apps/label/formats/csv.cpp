// CSV: a file with a row per item, so that a query.csv with a column added is one. Columns:
//   item          the index of the training image (26, or 26.0 as pandas writes it); without it, `file` says which one
//   class         the class's name, exactly; or unsure, none of these, skip: there is none, and the item is not asked
//                 again; or withdraw; empty: not labelled
//   file          as in query.csv: must be the item's own, or a column was sorted alone
//   class_index   beside `class` or instead of it: the class's number, counted from 0
//   remark        where there is no class: one of those words, as the labelling page writes it, or anything else
//   who, when     who gave the answer, and when
// Other columns, one without a name among them, are not looked at.
#include "data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "apps/label/formats.h"
#include "data/utf8.h"

namespace crc::apps {
namespace {

constexpr size_t kItemsShown = 10;    // in a message
constexpr size_t kLongestWord = 200;  // bytes of who and when
const data::CsvForm kForm{.advice = "a label file has columns item and class", .columns = {}};

// A whole number, also as pandas writes those of a column with gaps: "26.0".
std::optional<int64_t> whole_number(std::string_view text) {
  if (text.ends_with(".0")) text.remove_suffix(2);
  return data::parse<int64_t>(text);
}

class Rows {
 public:
  Rows(std::string_view text, const std::string& name, const LabelNames& names)
      : csv_(text, name, kForm),
        names_(names),
        item_(csv_.find("item")),
        file_(csv_.find("file")),
        class_(csv_.find("class")),
        index_(csv_.find("class_index")),
        remark_(csv_.find("remark")),
        who_(csv_.find("who")),
        when_(csv_.find("when")) {
    if (!item_ && (!file_ || names.files().empty())) (void)csv_.column("item");
    if (!class_ && !index_) class_ = csv_.find("label");
    if (!class_ && !index_) (void)csv_.column("class");
  }

  bool next() { return csv_.next(); }
  bool blank() const { return csv_.blank(); }
  int64_t line() const { return csv_.line(); }

  // Whoever sorts one column of a spreadsheet alone gives every item another one's class.
  int64_t item() const {
    if (!item_) return by_file();
    const std::optional<int64_t> item = whole_number(csv_[*item_]);
    if (!item) (void)csv_.number<int64_t>(*item_);  // says that it is none
    if (*item < 0 || *item >= names_.items())
      csv_.refuse(fmt::format("item {} is not one of the training images 0..{}", *item, names_.items() - 1));
    if (file_ && !names_.files().empty() && !csv_[*file_].empty() && csv_[*file_] != names_.files()[size_t(*item)])
      csv_.refuse(fmt::format("item {} is {}, and the row names {}: was one column sorted or pasted alone?", *item,
                              data::legible(names_.files()[size_t(*item)]), data::legible(csv_[*file_])));
    return *item;
  }

  // Of a file that was cut off, half a name may be another class's, and half a number another one.
  void check_end(int64_t item) const {
    const size_t last = csv_.heading().size() - 1;
    const std::string& cell = csv_[last];
    if (!csv_.open_ended() || cell.empty()) return;
    const auto longer = [&](const std::string& name) { return name.size() > cell.size() && name.starts_with(cell); };
    const auto number_goes_on = [&](int64_t value, int64_t end) { return value > 0 && 10 * value < end; };
    if (class_ == last && names_.class_of(cell) && std::ranges::any_of(names_.classes(), longer))
      csv_.refuse(
          fmt::format("the file ends without a line break after class {}, with which other classes begin; was "
                      "it cut off? End the last line",
                      data::legible(cell)));
    const std::optional<int64_t> index = index_ == last ? whole_number(cell) : std::nullopt;
    if ((item_ == last && number_goes_on(item, names_.items())) ||
        (index && number_goes_on(*index, int64_t(names_.classes().size()))))
      csv_.refuse(
          fmt::format("the file ends without a line break after the number {}; was it cut off? End the last "
                      "line",
                      cell));
  }

  // Nothing: the row says nothing of the class.
  std::optional<Answer> answer(int64_t item) const {
    Answer answer{.item = item, .who = word(who_), .when = word(when_)};
    const std::optional<Answer> named = by_name(answer), numbered = by_index(answer);
    if (named && numbered && named->class_index != numbered->class_index)
      csv_.refuse(named->class_index < 0
                      ? fmt::format("class is {}, and class_index is {} ({})", names_.shown(*named),
                                    numbered->class_index, names_.shown(*numbered))
                      : fmt::format("class {} has index {}, and class_index is {} ({})", names_.shown(*named),
                                    named->class_index, numbered->class_index, names_.shown(*numbered)));
    if (named || numbered) return named ? named : numbered;
    answer.skip = remark_ ? word_for_no_class(csv_[*remark_]) : "";
    return answer.skip.empty() || answer.skip == kWithdraw ? std::nullopt : std::optional(answer);
  }

 private:
  int64_t by_file() const {
    const std::optional<int64_t> item = names_.item_of(csv_[*file_]);
    if (!item) csv_.refuse(names_.why_no_item(csv_[*file_]));
    return *item;
  }
  std::string word(std::optional<size_t> column) const {
    if (!column) return "";
    if (csv_[*column].size() > kLongestWord)
      csv_.refuse(fmt::format("{} is longer than {} bytes", csv_.heading()[*column], kLongestWord));
    return csv_[*column];
  }
  std::optional<Answer> by_name(Answer answer) const {
    if (!class_ || csv_[*class_].empty()) return std::nullopt;
    const std::string& name = csv_[*class_];
    if (const auto known = names_.class_of(name)) {
      answer.class_index = *known;
      return answer;
    }
    if (answer.skip = word_for_no_class(name); answer.skip.empty())
      csv_.refuse(names_.why_no_class(name) +
                  (data::parse<int64_t>(name) ? "; numbers of classes stand in a column class_index" : ""));
    if (answer.skip == kWithdraw) answer.skip.clear();
    return answer;
  }
  std::optional<Answer> by_index(Answer answer) const {
    if (!index_ || csv_[*index_].empty()) return std::nullopt;
    const std::optional<int64_t> index = whole_number(csv_[*index_]);
    if (!index) (void)csv_.number<int64_t>(*index_);
    const int64_t classes = int64_t(names_.classes().size());
    if (*index < 0 || *index >= classes)
      csv_.refuse(fmt::format("class_index {} is not in 0..{}", *index, classes - 1));
    answer.class_index = *index;
    return answer;
  }

  data::CsvReader csv_;
  const LabelNames& names_;
  std::optional<size_t> item_, file_, class_, index_, remark_, who_, when_;
};

void read_csv(std::string_view text, const std::string& file, const LabelNames& names, Statements& statements,
              std::vector<std::string>& notes) {
  Rows rows(text, file, names);
  std::vector<std::string> without;
  while (rows.next()) {
    if (rows.blank()) continue;
    const int64_t item = rows.item();
    rows.check_end(item);
    if (const std::optional<Answer> answer = rows.answer(item))
      statements.add(*answer, fmt::format("{}:{}", file, rows.line()), fmt::format("line {}", rows.line()));
    else
      without.push_back(std::to_string(item));
  }
  if (!without.empty())
    notes.push_back(
        fmt::format("{}: {} {}", file,
                    data::counted(int64_t(without.size()), "row gives no class: item", "rows give no class: items"),
                    data::join_first(without, kItemsShown)));
}

std::vector<ExportFile> write_csv(const LabelExport& job) {
  const std::vector<std::string>& files = job.dataset.train.names;
  std::vector<std::string> heading{"item", "class"};
  if (!files.empty()) heading.insert(heading.begin() + 1, "file");
  data::CsvWriter csv(heading);
  for (const int64_t item : job.items) {
    csv.number(item);
    if (!files.empty())  // a spreadsheet would not give back other bytes than UTF-8; the item says which it is
      csv.text(data::is_utf8(files[size_t(item)]) ? files[size_t(item)] : "");
    const auto at = job.answers.find(item);
    csv.text(at == job.answers.end() ? "" : choice_of(job, at->second)).end_row();
  }
  return {{"", csv.str()}};
}

}  // namespace

const LabelFormat labels::csv{"csv",    "a table to fill in (CSV)", write_csv, [](std::string_view) { return true; },
                              read_csv, "; " + kForm.advice};

}  // namespace crc::apps
