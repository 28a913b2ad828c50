#include "apps/label_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "data/file.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using Fields = std::vector<std::string_view>;

// A field in quotes may hold separators; the quotes are not part of it.
Fields split(std::string_view text, char separator) {
  Fields fields;
  for (size_t begin = 0; begin <= text.size();) {
    const bool quoted = separator == ',' && begin < text.size() && text[begin] == '"';
    const size_t close = quoted ? text.find('"', begin + 1) : begin;
    const size_t end = std::min(text.find(separator, std::min(close, text.size())), text.size());
    fields.push_back(quoted && close + 1 == end ? text.substr(begin + 1, close - begin - 1)
                                                : text.substr(begin, end - begin));
    begin = end + 1;
  }
  return fields;
}

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A table's lines; column names are looked up once.
class Table {
 public:
  Table(std::string_view text, std::string name) : name_(std::move(name)) {
    for (std::string_view line : split(text, '\n')) {
      if (line.ends_with('\r')) line.remove_suffix(1);
      lines_.push_back(line);
    }
    while (!lines_.empty() && lines_.back().empty()) lines_.pop_back();
    if (lines_.empty()) refuse(0, "the file is empty");
    heading_ = split(lines_[0], ',');
  }
  size_t column(std::string_view title) const {
    const auto at = std::find(heading_.begin(), heading_.end(), title);
    if (at == heading_.end()) refuse(0, fmt::format("\"{}\" has no column \"{}\"", lines_[0], title));
    return size_t(at - heading_.begin());
  }
  size_t lines() const { return lines_.size(); }  // the heading is line 0
  Fields fields(size_t line) const {
    const Fields fields = split(lines_[line], ',');
    if (fields.size() != heading_.size())
      refuse(line, fmt::format("{} fields where the heading has {}", fields.size(), heading_.size()));
    return fields;
  }
  int64_t item(size_t line, std::string_view text) const {
    const std::optional<int64_t> item = number(text);
    if (!item) refuse(line, fmt::format("item \"{}\" is not a number", text));
    return *item;
  }
  [[noreturn]] void refuse(size_t line, const std::string& what) const {
    fail(ExitCode::corrupt_data,
         fmt::format("{}:{}: {}; a label file has columns item and class", name_, line + 1, what));
  }

 private:
  std::string name_;
  Fields lines_, heading_;
};

}  // namespace

std::map<int64_t, int64_t> read_label_file(std::string_view text, const std::string& name,
                                           const std::vector<std::string>& class_names) {
  const Table table(text, name);
  const size_t item_at = table.column("item"), class_at = table.column("class");
  std::map<int64_t, int64_t> labels;
  for (size_t line = 1; line < table.lines(); ++line) {
    const Fields fields = table.fields(line);
    const std::string_view klass = fields[class_at];
    if (klass.empty()) continue;
    const auto known = std::find(class_names.begin(), class_names.end(), klass);
    const int64_t value =
        known != class_names.end() ? known - class_names.begin() : number(klass).value_or(int64_t(-1));
    if (value < 0 || value >= int64_t(class_names.size()))
      table.refuse(line, fmt::format("class \"{}\" is not one of {}", klass, data::join(class_names)));
    const int64_t item = table.item(line, fields[item_at]);
    if (!labels.emplace(item, value).second) table.refuse(line, fmt::format("item {} stands twice", item));
  }
  return labels;
}

std::vector<int64_t> read_query_items(std::string_view text, const std::string& name) {
  const Table table(text, name);
  const size_t at = table.column("item");
  std::vector<int64_t> items;
  for (size_t line = 1; line < table.lines(); ++line) items.push_back(table.item(line, table.fields(line)[at]));
  return items;
}

}  // namespace crc::apps
