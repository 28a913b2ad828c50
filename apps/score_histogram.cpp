#include "apps/score_histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kernels/core/error.h"

namespace crc::apps {

using json = nlohmann::ordered_json;

ScoreHistogram make_histogram(std::span<const double> scores, std::span<const int64_t> chosen, int bins) {
  ScoreHistogram h;
  h.counts.assign(size_t(bins), 0);
  bool any = false;
  for (double score : scores) {
    if (!std::isfinite(score)) {
      ++h.not_finite;
      continue;
    }
    h.low = any ? std::min(h.low, score) : score;
    h.high = any ? std::max(h.high, score) : score;
    any = true;
  }
  const double width = (h.high - h.low) / bins;
  for (double score : scores) {
    if (!std::isfinite(score)) continue;
    if (score > 0) ++h.decades[int64_t(std::floor(kBinsPerDecade * std::log10(score)))];
    ++h.counts[width > 0 ? std::min(size_t(bins - 1), size_t((score - h.low) / width)) : 0];
  }
  for (int64_t i : chosen) h.chosen.push_back(scores[size_t(i)]);
  return h;
}

std::string to_json(const ScoreHistogram& h) {
  json decades = json::array();
  for (const auto& [bin, count] : h.decades) decades.push_back({bin, count});
  return json{{"schema", 1},        {"low", h.low},       {"high", h.high},
              {"counts", h.counts}, {"chosen", h.chosen}, {"not_finite", h.not_finite},
              {"decades", decades}}
             .dump() +
         "\n";
}

ScoreHistogram histogram_from_json(std::string_view text, const std::string& name) {
  try {
    const json object = json::parse(text);
    ScoreHistogram h;
    h.low = object.at("low").get<double>();
    h.high = object.at("high").get<double>();
    h.counts = object.at("counts").get<std::vector<int64_t>>();
    for (const json& value : object.at("chosen")) {
      if (value.is_number()) h.chosen.push_back(value.get<double>());  // null: a score that was not finite
    }
    h.not_finite = object.at("not_finite").get<int64_t>();
    for (const json& bin : object.value("decades", json::array()))
      h.decades[bin.at(0).get<int64_t>()] = bin.at(1).get<int64_t>();
    return h;
  } catch (const std::exception& error) {
    fail(ExitCode::corrupt_data, fmt::format("{} is damaged: {}; remove it to leave it out", name, error.what()));
  }
}

}  // namespace crc::apps
