#include "apps/rounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <variant>

#include "kernels/core/error.h"

namespace crc::apps {
namespace {

struct Column {
  const char* name;
  std::variant<int64_t RoundRow::*, double RoundRow::*> member;
};

constexpr Column kColumns[] = {{"round", &RoundRow::round},
                               {"labels", &RoundRow::labels},
                               {"acc_last", &RoundRow::acc_last},
                               {"acc_median", &RoundRow::acc_median},
                               {"acc_best", &RoundRow::acc_best},
                               {"acc_val", &RoundRow::acc_val},
                               {"balanced_acc", &RoundRow::balanced_acc},
                               {"ece", &RoundRow::ece},
                               {"pseudo_rate", &RoundRow::pseudo_rate},
                               {"pseudo_acc", &RoundRow::pseudo_acc},
                               {"loss", &RoundRow::loss},
                               {"lambda_min", &RoundRow::lambda_min},
                               {"epochs", &RoundRow::epochs},
                               {"train_s", &RoundRow::train_s},
                               {"query_s", &RoundRow::query_s}};

std::string header() {
  std::string line;
  for (const Column& column : kColumns) line += (line.empty() ? "" : ",") + std::string(column.name);
  return line;
}

template <class T> bool parse(std::string_view cell, T& value) {
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  return error == std::errc() && end == cell.data() + cell.size();
}

bool set(RoundRow& row, const Column& column, std::string_view cell) {
  if (auto* integer = std::get_if<int64_t RoundRow::*>(&column.member)) return parse(cell, row.*(*integer));
  double& value = row.*std::get<double RoundRow::*>(column.member);
  value = kNone;
  return cell.empty() || parse(cell, value);
}

// Which columns a file has, in its order: one written by an earlier version has fewer.
std::vector<const Column*> columns_of(std::string_view line, const std::string& name) {
  std::vector<const Column*> columns;
  while (!line.empty()) {
    const size_t comma = std::min(line.find(','), line.size());
    const auto column = std::find_if(std::begin(kColumns), std::end(kColumns),
                                     [&](const Column& c) { return line.substr(0, comma) == c.name; });
    if (column == std::end(kColumns)) break;
    columns.push_back(column);
    line.remove_prefix(std::min(comma + 1, line.size()));
  }
  if (!line.empty() || columns.size() < 2 || columns[0] != kColumns || columns[1] != kColumns + 1)
    fail(ExitCode::corrupt_data, name + ":1: is not \"" + header() + "\"; restore the file");
  return columns;
}

}  // namespace

std::string rounds_to_csv(const std::vector<RoundRow>& rows) {
  std::string text = header() + "\n";
  for (const RoundRow& row : rows) {
    for (const Column& column : kColumns) {
      if (column.name != kColumns[0].name) text += ',';
      if (auto* integer = std::get_if<int64_t RoundRow::*>(&column.member)) {
        text += fmt::format("{}", row.*(*integer));
      } else if (const double value = row.*std::get<double RoundRow::*>(column.member); !std::isnan(value)) {
        text += fmt::format("{}", value);
      }
    }
    text += '\n';
  }
  return text;
}

std::vector<RoundRow> rounds_from_csv(std::string_view text, const std::string& name) {
  std::vector<RoundRow> rows;
  std::vector<const Column*> columns;
  int line_number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (++line_number == 1) {
      columns = columns_of(line, name);
      continue;
    }
    RoundRow row;
    for (const Column* column : columns) {
      const size_t comma = std::min(line.find(','), line.size());
      if (!set(row, *column, line.substr(0, comma))) {
        fail(ExitCode::corrupt_data, fmt::format("{}:{}: column {} holds \"{}\", which is no number; restore the file",
                                                 name, line_number, column->name, line.substr(0, comma)));
      }
      line.remove_prefix(std::min(comma + 1, line.size()));
    }
    rows.push_back(row);
  }
  return rows;
}

}  // namespace crc::apps
