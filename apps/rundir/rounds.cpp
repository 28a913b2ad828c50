#include "apps/rundir/rounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>
#include <variant>

#include "apps/base/json.h"
#include "apps/rundir/run_files.h"
#include "data/csv.h"

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
                               {"query_s", &RoundRow::query_s},
                               {"acc_cv", &RoundRow::acc_cv},
                               {"acc_cv_low", &RoundRow::acc_cv_low},
                               {"acc_cv_high", &RoundRow::acc_cv_high}};
constexpr size_t kAlways = std::size(kColumns) - 3;  // the others where a row has them

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const Column& column : kColumns) all.emplace_back(column.name);
  return all;
}

// Which columns a file has, in its order: one written by an earlier version has fewer.
std::vector<const Column*> columns_of(const data::CsvReader& csv) {
  std::vector<const Column*> columns;
  for (const std::string& name : csv.heading()) {
    const auto column = std::ranges::find(kColumns, name, &Column::name);
    if (column != std::end(kColumns)) columns.push_back(column);
  }
  if (columns.size() != csv.heading().size() || columns.size() < 2 || columns[0] != kColumns ||
      columns[1] != kColumns + 1)
    csv.refuse(fmt::format("is not \"{}\"", fmt::join(names(), ",")));
  for (const Column* column : columns) (void)csv.column(column->name);  // there once
  return columns;
}

}  // namespace

double mean_of_known(const std::vector<double>& values) {
  double sum = 0, count = 0;
  for (const double value : values)
    if (std::isfinite(value)) sum += value, ++count;
  return count > 0 ? sum / count : kNone;
}

WilsonInterval wilson(int64_t hits, int64_t of) {
  constexpr double z = 1.959963984540054;  // of the normal distribution, 97.5 %
  const double n = double(of), p = double(hits) / n, scale = 1 / (1 + z * z / n);
  const double middle = scale * (p + z * z / (2 * n)),
               half = scale * z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

FoldResults::FoldResults(RunFiles& files, int64_t round, int64_t folds)
    : files_(files), name_(round_name(round, "folds.json")), folds_(folds) {
  if (!files.has(name_)) return;
  const nlohmann::ordered_json all = parse_json(files.read(name_), (files.path() / name_).string());
  if (all.value("folds", int64_t(0)) != folds || !all.contains("parts") || !all["parts"].is_array()) return;
  for (const auto& part : all["parts"])
    parts_.push_back({part.value("right", int64_t(0)), part.value("items", int64_t(0))});
}

void FoldResults::add(int64_t right, int64_t items) {
  parts_.push_back({right, items});
  nlohmann::ordered_json parts = nlohmann::ordered_json::array();
  for (const Part& part : parts_) parts.push_back({{"right", part.right}, {"items", part.items}});
  files_.commit({{name_, json_text(nlohmann::ordered_json{{"folds", folds_}, {"parts", parts}}, 1) + "\n"}});
}

void FoldResults::fill(RoundRow& row) const {
  int64_t right = 0, items = 0;
  for (const Part& part : parts_) right += part.right, items += part.items;
  const WilsonInterval interval = wilson(right, items);
  row.acc_cv = double(right) / double(items), row.acc_cv_low = interval.low, row.acc_cv_high = interval.high;
}

std::string rounds_to_csv(const std::vector<RoundRow>& rows) {
  const bool all = std::ranges::any_of(rows, [](const RoundRow& row) { return !std::isnan(row.acc_cv); });
  const std::span columns(kColumns, all ? std::size(kColumns) : kAlways);
  std::vector<std::string> heading = names();
  heading.resize(columns.size());
  data::CsvWriter csv(heading);
  for (const RoundRow& row : rows) {
    for (const Column& column : columns) {
      if (auto* integer = std::get_if<int64_t RoundRow::*>(&column.member)) {
        csv.number(row.*(*integer));
      } else {
        const double value = row.*std::get<double RoundRow::*>(column.member);
        csv.number(std::isnan(value) ? "" : fmt::format("{}", value));
      }
    }
    csv.end_row();
  }
  return csv.str();
}

std::vector<RoundRow> rounds_from_csv(std::string_view text, const std::string& name) {
  data::CsvReader csv(text, name, {.advice = "restore the file", .columns = {}});
  const std::vector<const Column*> columns = columns_of(csv);
  std::vector<RoundRow> rows;
  while (csv.next()) {
    RoundRow& row = rows.emplace_back();
    for (size_t c = 0; c < columns.size(); ++c) {
      if (auto* integer = std::get_if<int64_t RoundRow::*>(&columns[c]->member)) {
        row.*(*integer) = csv.number<int64_t>(c);
      } else if (!csv[c].empty()) {
        row.*std::get<double RoundRow::*>(columns[c]->member) = csv.number<double>(c);
      }
    }
  }
  return rows;
}

}  // namespace crc::apps
