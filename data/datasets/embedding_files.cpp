#include "data/datasets/embedding_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/csv.h"
#include "data/npy.h"
#include "kernels/core/error.h"

namespace crc::data {
namespace {

LabelColumn labels_of_npy(const Path& path, int64_t count, Fingerprint& fingerprint) {
  const NpyArray array = read_npy(path);
  const bool column = array.shape.size() == 1 || (array.shape.size() == 2 && array.shape[1] == 1);
  if (!is_integer(array.type) || !column || array.shape[0] != count)
    fail(ExitCode::corrupt_data, fmt::format("{} is {}; labels are one integer per row, [{}], -1 where it is unknown",
                                             path.string(), array.describe(), count));
  fingerprint.add(array.bytes);
  std::vector<int64_t> values(static_cast<size_t>(count));
  array.read_rows(0, count, values.data());
  LabelColumn labels{path.string(), {}};
  for (const int64_t value : values) labels.text.push_back(value == -1 ? "" : std::to_string(value));
  return labels;
}

LabelColumn labels_of_csv(const Path& path, int64_t count, Fingerprint& fingerprint) {
  const std::string bytes = read_text(path);
  fingerprint.add(bytes);
  CsvReader csv(
      bytes, path.string(),
      {.advice = "expected a column \"label\" (or \"class\", \"class_index\") and perhaps \"item\"", .columns = {}});
  const std::optional<size_t> item = csv.find("item");
  const size_t label = csv.column_of({"label", "class", "class_index"});
  LabelColumn labels{path.string(), std::vector<std::string>(size_t(count))};
  std::vector<bool> seen(size_t(count), false);
  for (int64_t row = 0; csv.next(); ++row) {
    if (csv.blank()) continue;
    const int64_t place = item ? csv.number<int64_t>(*item) : row;
    if (place < 0 || place >= count) csv.refuse(fmt::format("item {} of {} rows", place, count));
    if (seen[size_t(place)]) csv.refuse(fmt::format("item {} stands here twice", place));
    seen[size_t(place)] = true;
    labels.text[size_t(place)] = csv[label] == "-1" ? "" : csv[label];
  }
  const auto missing = std::ranges::find(seen, false);
  if (!item && missing != seen.end())
    fail(ExitCode::corrupt_data,
         fmt::format("{} has {} labels for {} rows; give one per row, empty where unknown, or a "
                     "column \"item\"",
                     path.string(), missing - seen.begin(), count));
  return labels;
}

}  // namespace

Rows read_rows(const Path& path, Fingerprint& fingerprint) {
  const NpyArray array = read_npy(path);
  if (!is_float(array.type) || array.shape.size() != 2 || array.size() == 0)
    fail(ExitCode::corrupt_data, fmt::format("{} is {}; embeddings are [items,features] of fp16, fp32 or fp64",
                                             path.string(), array.describe()));
  fingerprint.add(array.describe());
  fingerprint.add(array.bytes);
  Rows rows{array.shape[0], array.shape[1], std::vector<float>(size_t(array.size()))};
  array.read_rows(0, rows.count, rows.values.data());
  const auto wrong = std::ranges::find_if_not(rows.values, [](float value) { return std::isfinite(value); });
  if (wrong != rows.values.end()) {
    const int64_t at = wrong - rows.values.begin();
    fail(ExitCode::corrupt_data, fmt::format("{}: feature {} of row {} is {} in fp32; every number must be finite",
                                             path.string(), at % rows.width, at / rows.width, *wrong));
  }
  return rows;
}

RowScaling::RowScaling(const std::string& scaling, const Rows& train) : scaling_(scaling), width_(train.width) {
  if (scaling == "none" || scaling == "unit") return;
  mean_.assign(size_t(width_), 0), factor_.assign(size_t(width_), 0);
  for (int64_t i = 0; i < train.count; ++i)
    for (int64_t d = 0; d < width_; ++d) mean_[size_t(d)] += double(train.values[size_t(i * width_ + d)]);
  for (double& mean : mean_) mean /= double(train.count);
  std::vector<double>& variance = factor_;
  for (int64_t i = 0; i < train.count; ++i)
    for (int64_t d = 0; d < width_; ++d) {
      const double off = double(train.values[size_t(i * width_ + d)]) - mean_[size_t(d)];
      variance[size_t(d)] += off * off / double(train.count);
    }
  if (scaling == "center") {
    double total = 0;
    for (const double v : variance) total += v / double(width_);
    std::ranges::fill(variance, total);
  }
  for (double& v : factor_) v = v > 0 ? 1 / std::sqrt(v) : 0;
}

void RowScaling::apply(std::vector<float>& rows) const {
  if (scaling_ == "none") return;
  for (size_t begin = 0; begin < rows.size(); begin += size_t(width_)) {
    const std::span<float> row(rows.data() + begin, size_t(width_));
    double squares = 0;
    for (const float x : row) squares += double(x) * double(x);
    const double length = squares > 0 ? std::sqrt(double(width_) / squares) : 0;
    for (size_t d = 0; d < row.size(); ++d)
      row[d] = float(mean_.empty() ? double(row[d]) * length : (double(row[d]) - mean_[d]) * factor_[d]);
  }
}

LabelColumn read_labels(const Path& path, int64_t count, Fingerprint& fingerprint) {
  LabelColumn labels =
      path.extension() == ".npy" ? labels_of_npy(path, count, fingerprint) : labels_of_csv(path, count, fingerprint);
  labels.numbers = std::ranges::all_of(
      labels.text, [](const std::string& text) { return text.empty() || data::parse<int64_t>(text).has_value(); });
  return labels;
}

}  // namespace crc::data
