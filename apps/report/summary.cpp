#include "apps/report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "apps/config/reference.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

std::string value_text(const Config& config, const ConfigKey& key) {
  if (std::holds_alternative<bool>(key.fallback)) return to_text(config.get<bool>(key.path));
  if (std::holds_alternative<int64_t>(key.fallback)) return to_text(config.get<int64_t>(key.path));
  if (std::holds_alternative<double>(key.fallback)) return to_text(config.get<double>(key.path));
  return config.get<std::string>(key.path);
}

// The settings, besides seed and acquisition, in which the runs differ.
std::vector<const ConfigKey*> distinguishing(const std::vector<RunRecord>& runs) {
  std::vector<const ConfigKey*> keys;
  for (const ConfigKey& key : config_schema()) {
    const auto decides = [&](const RunRecord& run) { return run.config.decides(key); };
    if (std::ranges::none_of(runs, decides) || key.path == "run.seed" || key.path == "acquisition.name") continue;
    for (const RunRecord& run : runs) {
      if (value_text(run.config, key) == value_text(runs[0].config, key)) continue;
      keys.push_back(&key);
      break;
    }
  }
  return keys;
}

}  // namespace

std::vector<RunGroup> group_runs(const std::vector<RunRecord>& runs) {
  std::vector<RunGroup> groups;
  if (runs.empty()) return groups;
  const auto keys = distinguishing(runs);
  const bool one_data_set =
      std::ranges::all_of(runs, [&](const RunRecord& r) { return r.data_hash == runs[0].data_hash; });
  for (const RunRecord& run : runs) {
    std::string name = run.acquisition;
    for (const ConfigKey* key : keys) {
      name += fmt::format(" {}={}", key->path.substr(key->path.rfind('.') + 1), value_text(run.config, *key));
    }
    // Names and places of data sets may be the same, and the images other ones.
    if (!one_data_set) name += " data " + run.data_hash.substr(0, 8);
    auto group = std::find_if(groups.begin(), groups.end(), [&](const RunGroup& g) { return g.name == name; });
    if (group == groups.end()) group = groups.insert(groups.end(), {.name = name, .runs = {}});
    group->runs.push_back(&run);
  }
  std::stable_partition(groups.begin(), groups.end(), [](const RunGroup& g) { return g.name.starts_with("crc"); });
  for (size_t i = 0; i < groups.size(); ++i) groups[i].ink = series_ink(int(i));
  return groups;
}

MeanStd mean_std(const std::vector<double>& values) {
  MeanStd result;
  double sum = 0, squares = 0;
  for (double v : values) {
    if (!std::isfinite(v)) continue;
    sum += v;
    ++result.count;
  }
  if (result.count == 0) return result;
  result.mean = sum / result.count;
  for (double v : values) {
    if (std::isfinite(v)) squares += (v - result.mean) * (v - result.mean);
  }
  if (result.count > 1) result.std = std::sqrt(squares / (result.count - 1));
  return result;
}

std::string percent(const MeanStd& m, int digits) {
  if (m.count == 0) return "–";
  const std::string mean = fmt::format("{:.{}f}", 100 * m.mean, digits);
  return m.count == 1 ? mean : fmt::format("{} ± {:.{}f}", mean, 100 * m.std, digits);
}

MeanStd at_labels(const RunGroup& group, int64_t labels, double RoundRow::*column) {
  std::vector<double> values;
  for (const RunRecord* run : group.runs) {
    for (const RoundRow& row : run->rounds) {
      if (row.labels == labels) values.push_back(row.*column);
    }
  }
  return mean_std(values);
}

std::vector<int64_t> label_counts(const std::vector<RunGroup>& groups) {
  std::set<int64_t> counts;
  for (const RunGroup& group : groups) {
    for (const RunRecord* run : group.runs) {
      for (const RoundRow& row : run->rounds) counts.insert(row.labels);
    }
  }
  return {counts.begin(), counts.end()};
}

Reference reference_of(const Config& config) {
  const std::string& name = config.get<std::string>("report.reference_name");
  try {
    std::vector<Point> points;
    for (const auto& [labels, percent] : parse_reference(config.get<std::string>("report.reference")))
      points.push_back({labels, percent});
    return {name, points};
  } catch (const Error&) {
    return {name + ": not readable", {}};
  }
}

bool is_crc(const std::string& name) { return name.starts_with("crc") || name.starts_with("CRC"); }

LineChart accuracy_chart(const std::vector<RunGroup>& groups, double RoundRow::*column) {
  LineChart chart;
  chart.title = "Accuracy by labels";
  chart.x_label = "labels in the ledger";
  chart.y_label = "test accuracy (%)";
  chart.possible = {0, 100};
  const std::vector<int64_t> counts = label_counts(groups);
  if (counts.size() <= 10) chart.x_ticks.assign(counts.begin(), counts.end());
  for (const RunGroup& group : groups) {
    LineSeries series;
    series.name = group.name;
    series.ink = group.ink;
    series.emphasized = groups.size() == 1 || is_crc(group.name);
    for (int64_t labels : counts) {
      const MeanStd value = at_labels(group, labels, column);
      if (value.count == 0) continue;
      series.mean.push_back({double(labels), 100 * value.mean});
      series.deviation.push_back(100 * value.std);
    }
    if (group.runs.size() < 2) series.deviation.clear();
    for (const RunRecord* run : group.runs) {
      if (group.runs.size() < 2) break;
      auto& member = series.members.emplace_back();
      for (const RoundRow& row : run->rounds) member.push_back({double(row.labels), 100 * row.*column});
    }
    chart.description +=
        fmt::format("{}{}", chart.description.empty() ? "Test accuracy in percent by labels: " : "; ", group.name);
    for (const Point& p : series.mean) chart.description += fmt::format(" {:g}: {:.1f}", p.x, p.y);
    chart.series.push_back(std::move(series));
  }
  std::set<std::string> drawn;
  for (const RunGroup& group : groups) {
    const Config& config = group.runs[0]->config;
    const std::string& reference = config.get<std::string>("report.reference");
    if (reference.empty() || !drawn.insert(reference).second) continue;
    LineSeries series;
    series.ink = Ink::text;
    series.reference = true;
    const Reference published = reference_of(config);
    series.name = published.name;
    series.mean = published.points;
    chart.series.push_back(std::move(series));
  }
  return chart;
}

}  // namespace crc::apps
