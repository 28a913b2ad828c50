#include "apps/report/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "apps/config/budgets.h"

namespace crc::apps {

LineChart comparison_chart(const Sweep& sweep, size_t block, const std::vector<RunGroup>& groups) {
  const SweepSpec& spec = sweep.spec();
  const SweepBlock& b = spec.blocks[block];
  LineChart chart = accuracy_chart(groups, measure_column(b.measure));
  chart.title = !b.name.empty() ? b.name : spec.figure == SweepFigure::boundary ? "Accuracy by labels" : spec.title;
  const Config config = sweep.config({.name = {}, .block = block});
  const int64_t initial = config.get<int64_t>("acquisition.initial");
  const std::vector<int64_t> budgets = parse_budgets(config.get<std::string>("acquisition.budgets"));
  const size_t queries = budgets.empty() ? SIZE_MAX : budgets.size();
  bool any = false;
  for (const RunGroup& group : groups) {
    const auto method = std::ranges::find(b.methods, group.name, &SweepMethod::name);
    if (method == b.methods.end()) continue;
    LineSeries paper{.name = "", .ink = group.ink, .mean = {}, .deviation = {}, .members = {}, .reference = true};
    for (size_t k = 0; k < method->paper.size() && k < queries; ++k) {
      const PaperNumber number = parse_paper_number(method->paper[k]);
      if (std::isfinite(number.mean))
        paper.mean.push_back({double(labels_after(config, initial, int64_t(k) + 1)), number.mean});
    }
    any = any || !paper.mean.empty();
    if (!paper.mean.empty()) chart.series.push_back(std::move(paper));
  }
  for (const LineSeries& series : chart.series)  // the paper's numbers may go on where ours have not come yet
    for (const Point& p : series.mean)
      if (std::ranges::find(chart.x_ticks, p.x) == chart.x_ticks.end()) chart.x_ticks.push_back(p.x);
  std::ranges::sort(chart.x_ticks);
  if (chart.x_ticks.size() > 10) chart.x_ticks.clear();
  if (any)
    chart.series.push_back(
        {.name = "paper", .ink = Ink::text, .mean = {}, .deviation = {}, .members = {}, .reference = true});
  return chart;
}

LineChart gains_chart(const std::vector<RunGroup>& groups, double RoundRow::*column) {
  LineChart chart;
  chart.title = "Gain of each query";
  chart.x_label = "labels in the ledger";
  chart.y_label = "percentage points over the round before";
  chart.description = "Gain in test accuracy of each query, mean over runs.";
  const std::vector<int64_t> counts = label_counts(groups);
  if (counts.size() <= 11 && counts.size() > 1) chart.x_ticks.assign(counts.begin() + 1, counts.end());
  for (const RunGroup& group : groups) {
    std::map<int64_t, std::vector<double>> gains;
    for (const RunRecord* run : group.runs)
      for (size_t i = 1; i < run->rounds.size(); ++i)
        gains[run->rounds[i].labels].push_back(100 * (run->rounds[i].*column - run->rounds[i - 1].*column));
    LineSeries series{.name = group.name, .ink = group.ink, .mean = {}, .deviation = {}, .members = {}};
    series.emphasized = is_crc(group.name);
    for (const auto& [labels, values] : gains) series.mean.push_back({double(labels), mean_std(values).mean});
    chart.series.push_back(std::move(series));
  }
  return chart;
}

int64_t best_loss_epoch(const RunRecord& run, int64_t round) {
  double least = INFINITY;
  int64_t epoch = 0;
  for (const EpochMetrics& m : run.epochs)
    if (m.round == round && m.test_loss < least) least = m.test_loss, epoch = m.epoch;
  return epoch;
}

Fit fit_line(const std::vector<Point>& points) {
  Fit fit;
  fit.count = int(points.size());
  if (points.size() < 2) return fit;
  double mx = 0, my = 0, xx = 0, xy = 0, yy = 0;
  for (const Point& p : points) mx += p.x / double(points.size()), my += p.y / double(points.size());
  for (const Point& p : points) {
    xx += (p.x - mx) * (p.x - mx);
    xy += (p.x - mx) * (p.y - my);
    yy += (p.y - my) * (p.y - my);
  }
  if (xx == 0 || yy == 0) return fit;
  fit.slope = xy / xx;
  fit.intercept = my - fit.slope * mx;
  fit.correlation = xy / std::sqrt(xx * yy);
  return fit;
}

std::string describe(const Fit& fit, int64_t queries) {
  const std::string slope = fmt::format("slope {:.2g}, r {:.2f}", fit.slope, fit.correlation);
  if (queries < 4) return slope + ", too few queries to tell";
  // Fisher's transformation. The groups of one query share their epochs: queries count, not dots.
  const double z = std::atanh(std::clamp(fit.correlation, -0.999999, 0.999999)),
               half = 1.96 / std::sqrt(double(queries - 3));
  const double low = std::tanh(z - half), high = std::tanh(z + half);
  return fmt::format("{} (95 %: {:.2f} to {:.2f})",
                     low < 0 && high > 0 ? fmt::format("no slope: r {:.2f}", fit.correlation) : slope, low, high);
}

LineChart horizon_chart(const std::vector<const RunRecord*>& runs) {
  std::map<int64_t, std::vector<Point>> by_query;
  int64_t queries = 0;
  std::vector<Point> all;
  for (const RunRecord* run : runs)
    for (const auto& [round, scores] : run->scores) {
      const int64_t epoch = best_loss_epoch(*run, round + 1);
      queries += epoch > 0;
      for (double score : scores.chosen) {
        if (epoch == 0 || !(score > 0)) continue;
        by_query[round].push_back({double(epoch), std::log10(score)});
        all.push_back(by_query[round].back());
      }
    }
  const Fit fit = fit_line(all);
  LineChart chart;
  chart.title = "Smallest eigenvalue and time to the best test loss";
  chart.x_label = "epochs until the test loss was smallest";
  chart.y_label = "log10 of the smallest eigenvalue";
  chart.description = chart.title;
  chart.height = 360;
  int color = 0;
  for (const auto& [round, points] : by_query)
    chart.series.push_back({.name = fmt::format("query {}", round + 1),
                            .ink = series_ink(color++),
                            .mean = points,
                            .deviation = {},
                            .members = {},
                            .reference = true});
  if (std::isfinite(fit.slope)) {
    const auto [low, high] = std::ranges::minmax(all, {}, &Point::x);
    LineSeries line{.name = describe(fit, queries), .ink = Ink::muted, .mean = {}, .deviation = {}, .members = {}};
    for (double x : {low.x, high.x}) line.mean.push_back({x, fit.intercept + fit.slope * x});
    line.dashed = true;
    line.points = false;
    chart.series.insert(chart.series.begin(), std::move(line));  // the legend has room for the first entries
  }
  return chart;
}

LineChart eigenvalue_chart(const std::vector<const RunRecord*>& runs) {
  std::map<int64_t, std::map<int64_t, double>> share;  // query -> bin -> share of the candidates
  std::map<int64_t, double> total;
  for (const RunRecord* run : runs)
    for (const auto& [round, scores] : run->scores)
      for (const auto& [bin, count] : scores.decades) share[round][bin] += double(count), total[round] += double(count);
  LineChart chart;
  chart.title = "Distribution of the smallest positive eigenvalues";
  chart.x_label = "log10 of the smallest positive eigenvalue of labels and group";
  chart.y_label = "share of the candidates (%)";
  chart.description = chart.title + ", one line per query.";
  chart.height = 300;
  int color = 0;
  for (const auto& [round, bins] : share) {
    LineSeries series{.name = fmt::format("query {}", round + 1),
                      .ink = series_ink(color++),
                      .mean = {},
                      .deviation = {},
                      .members = {},
                      .points = false};
    for (int64_t bin = bins.begin()->first - 1; bin <= bins.rbegin()->first + 1; ++bin) {
      const auto at = bins.find(bin);
      series.mean.push_back(
          {(double(bin) + 0.5) / kBinsPerDecade, at == bins.end() ? 0 : 100 * at->second / total[round]});
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

}  // namespace crc::apps
