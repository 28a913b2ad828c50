#include "apps/select/class_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "data/csv.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

// Numbers between commas; empty if it is anything else.
std::vector<double> from_list(std::string_view text) {
  std::vector<double> numbers;
  while (true) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::optional<double> number = data::parse<double>(text.substr(0, comma));
    if (!number) return {};
    numbers.push_back(*number);
    if (comma == text.size()) return numbers;
    text.remove_prefix(comma + 1);
  }
}

std::vector<double> from_table(const fs::path& path, int64_t classes) {
  const std::string text = read_file(path);
  data::CsvReader csv(text, path.string(),
                      {.advice = "class weights have columns class_index and weight", .columns = {}});
  const size_t index = csv.column("class_index"), weight = csv.column("weight");
  std::vector<double> weights(size_t(classes), NAN);
  while (csv.next()) {
    if (csv.blank()) continue;
    const int64_t c = csv.number<int64_t>(index);
    if (c < 0 || c >= classes)
      csv.refuse(fmt::format("class_index {}; the logits have columns 0 to {}", c, classes - 1));
    if (!std::isnan(weights[size_t(c)])) csv.refuse(fmt::format("class_index {} is there twice", c));
    const double w = csv.number<double>(weight);
    if (!(w >= 0 && std::isfinite(w))) csv.refuse(fmt::format("weight {}; weights are 0 or more", w));
    weights[size_t(c)] = w;
  }
  const auto missing = std::ranges::find_if(weights, [](double w) { return std::isnan(w); });
  if (missing != weights.end())
    fail(ExitCode::corrupt_data, fmt::format("{} has no weight of class_index {}; name every class once", path.string(),
                                             missing - weights.begin()));
  return weights;
}

}  // namespace

fs::path weights_file(const std::string& given) { return from_list(given).empty() ? fs::path(given) : fs::path(); }

std::vector<double> read_class_weights(const std::string& given, int64_t classes) {
  std::vector<double> weights = from_list(given);
  if (weights.empty()) weights = from_table(given, classes);
  if (int64_t(weights.size()) != classes)
    fail(ExitCode::corrupt_data,
         fmt::format("--class-weights {}: {} weights, and the logits have {} classes", given, weights.size(), classes));
  for (size_t c = 0; c < weights.size(); ++c)
    if (!(weights[c] >= 0 && std::isfinite(weights[c])))
      fail(ExitCode::corrupt_data,
           fmt::format("--class-weights {}: class {} weighs {}; weights are 0 or more", given, c, weights[c]));
  if (std::ranges::max(weights) == 0)
    fail(ExitCode::corrupt_data, fmt::format("--class-weights {}: all weights are 0; nothing would count", given));
  return weights;
}

}  // namespace crc::apps
