#include "apps/score_histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/json_text.h"
#include "apps/parse_json.h"
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
    ++h.counts[width > 0 && std::isfinite(width) ? std::min(size_t(bins - 1), size_t((score - h.low) / width)) : 0];
  }
  for (int64_t i : chosen) h.chosen.push_back(scores[size_t(i)]);
  return h;
}

BarChart score_chart(const ScoreHistogram& h, const std::string& title) {
  BarChart chart;
  chart.title = title;
  chart.y_label = "candidates";
  chart.x_label = "score";
  chart.height = 240;
  chart.touching = true;
  chart.description = title;
  BarSeries series{.name = "candidates", .ink = Ink::muted, .values = {}};
  const double width = (h.high - h.low) / double(std::max<size_t>(1, h.counts.size()));
  for (int64_t bin : h.counts) series.values.push_back(double(bin));
  if (width > 0) chart.x_range = {h.low, h.high};
  for (double score : h.chosen) chart.marks.push_back(width > 0 ? (score - h.low) / width : 0.5);
  chart.mark_name = "chosen";
  chart.series.push_back(std::move(series));
  return chart;
}

std::string to_json(const ScoreHistogram& h) {
  json decades = json::array();
  for (const auto& [bin, count] : h.decades) decades.push_back({bin, count});
  return json_text(json{{"schema", 1},
                        {"low", h.low},
                        {"high", h.high},
                        {"counts", h.counts},
                        {"chosen", h.chosen},
                        {"not_finite", h.not_finite},
                        {"decades", decades}}) +
         "\n";
}

ScoreHistogram histogram_from_json(std::string_view text, const std::string& name) {
  const json object = parse_json(text, name);
  try {
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
