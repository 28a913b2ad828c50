#include "data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kernels/core/error.h"

namespace crc::data {
namespace {

constexpr std::string_view kFormula = "=+-@\t\r";

// What the writer's apostrophe stands before: a formula, or a text that already looks guarded.
bool is_formula(std::string_view text) {
  const size_t begin = text.find_first_not_of('\'');
  return begin != text.npos && kFormula.find(text[begin]) != text.npos;
}

// A comma anywhere outside quotes decides, then a semicolon, then a tab.
char separator_of(std::string_view text) {
  bool quotes = false, semicolon = false, tab = false;
  for (const char c : text) {
    if (c == '"') quotes = !quotes;
    if (quotes) continue;
    if (c == ',') return c;
    if (c == '\n' || c == '\r') break;
    semicolon |= c == ';', tab |= c == '\t';
  }
  return semicolon ? ';' : tab ? '\t' : ',';
}

}  // namespace

CsvReader::CsvReader(std::string_view bytes, std::string name, CsvForm form)
    : name_(std::move(name)), form_(std::move(form)), text_(decode_text(bytes, name_)) {
  while (at_break()) skip_break();
  separator_ = separator_of(std::string_view(text_).substr(at_));
  take_separator_line();
  if (!record(heading_)) refuse("the file is empty");
  if (form_.columns.empty() || std::ranges::count(heading_, form_.columns.front()) > 0) return;
  first_is_row_ = true;
  cells_ = std::exchange(heading_, form_.columns);
}

std::optional<size_t> CsvReader::find(std::string_view column) const {
  const auto at = std::ranges::find(heading_, column);
  if (at == heading_.end()) return std::nullopt;
  if (std::find(at + 1, heading_.end(), column) != heading_.end())
    refuse(fmt::format("there are two columns {}", in_quotes(column)));
  return size_t(at - heading_.begin());
}

size_t CsvReader::column(std::string_view column) const {
  const auto at = find(column);
  if (at) return *at;
  std::string names;
  for (const std::string& name : heading_) names += (names.empty() ? "" : ",") + name;
  refuse(fmt::format("{} has no column {}", in_quotes(names.substr(0, 200)), in_quotes(column)));
}

size_t CsvReader::column_of(std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names)
    if (const auto at = find(name)) return *at;
  return column(*names.begin());
}

bool CsvReader::next() {
  if (!std::exchange(first_is_row_, false) && !record(cells_)) return false;
  const size_t least = form_.least > 0 ? form_.least : heading_.size();
  if (cells_.size() < least || cells_.size() > heading_.size())
    refuse(fmt::format("{} fields where the heading has {}", cells_.size(), heading_.size()));
  cells_.resize(heading_.size());
  return true;
}

bool CsvReader::blank() const {
  return std::ranges::all_of(cells_, [](const std::string& cell) { return cell.empty(); });
}

void CsvReader::refuse_at(int64_t line, const std::string& what) const {
  fail(ExitCode::corrupt_data,
       fmt::format("{}:{}: {}{}{}", name_, line, what, form_.advice.empty() ? "" : "; ", form_.advice));
}

// "sep=;", with which a spreadsheet says in a line of its own what separates the cells.
void CsvReader::take_separator_line() {
  const std::string_view rest = std::string_view(text_).substr(at_);
  if (!rest.starts_with("sep=") || rest.size() < 6 || (rest[5] != '\n' && rest[5] != '\r')) return;
  separator_ = rest[4];
  at_ += 5;
  while (at_break()) skip_break();
}

void CsvReader::skip_break() {
  at_ += text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n' ? 2 : 1;
  ++here_;
}

bool CsvReader::record(std::vector<std::string>& cells) {
  while (at_break()) skip_break();
  if (at_ == text_.size()) return false;
  line_ = here_;
  cells.clear();
  for (;; ++at_) {  // over the separator
    cells.push_back(cell());
    if (at_ == text_.size() || at_break()) break;
  }
  open_ended_ = at_ == text_.size() && text_.back() != '"';
  if (at_break()) skip_break();
  return true;
}

std::string CsvReader::cell() {
  std::string text;
  if (at_ < text_.size() && text_[at_] == '"') {
    text = quoted_cell();
  } else {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != separator_ && !at_break()) ++at_;
    text = text_.substr(begin, at_ - begin);
  }
  if (text.starts_with('\'') && is_formula(text)) text.erase(0, 1);
  return text;
}

std::string CsvReader::quoted_cell() {
  std::string text;
  for (++at_; at_ < text_.size();) {
    if (at_break()) {
      const size_t begin = at_;
      skip_break();
      text.append(text_, begin, at_ - begin);
    } else if (text_[at_] != '"') {
      text += text_[at_++];
    } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
      text += '"', at_ += 2;
    } else {
      ++at_;
      if (at_ < text_.size() && text_[at_] != separator_ && !at_break())
        refuse_at(here_, fmt::format("{} follows a cell in quotes; inside such a cell every quote is doubled: "
                                     "\"say \"\"hi\"\"\"",
                                     in_quotes(text_.substr(at_, 20))));
      return text;
    }
  }
  refuse(fmt::format("the quote that opens {} is never closed", in_quotes(text.substr(0, 20))));
}

CsvWriter::CsvWriter(const std::vector<std::string>& heading) : columns_(heading.size()) {
  for (const std::string& name : heading) text(name);
  end_row();
}

CsvWriter& CsvWriter::text(std::string_view cell) {
  separate();
  const std::string guard = is_formula(cell) ? "'" : "";
  // A mark's first byte at the file's start, and the empty cell of a blank line, would be read as something else.
  const bool quotes = cell.find_first_of(",;\t\"\r\n") != cell.npos || (cell.empty() && columns_ == 1) ||
                      cell.starts_with('\xef') || cell.starts_with('\xfe') || cell.starts_with('\xff');
  if (!quotes) {
    text_ += guard;
    text_ += cell;
    return *this;
  }
  text_ += '"' + guard;
  for (const char c : cell) {
    if (c == '"') text_ += '"';
    text_ += c;
  }
  text_ += '"';
  return *this;
}

CsvWriter& CsvWriter::number(std::string_view digits) {
  separate();
  text_ += digits;
  return *this;
}

void CsvWriter::separate() {
  if (cells_++ > 0) text_ += ',';
}

void CsvWriter::end_row() {
  if (cells_ != columns_)
    fail_internal(fmt::format("a CSV row of {} cells where there are {} columns", cells_, columns_));
  text_ += '\n';
  cells_ = 0;
}

}  // namespace crc::data
