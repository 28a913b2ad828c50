#include "apps/evidence/paired_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "apps/draw/axes.h"

namespace crc::apps {
namespace {

constexpr double kNameSize = 12, kPairTickSize = 11.5, kPairTitleSize = 15, kRow = 22;

std::string fitted(std::string text, double most) {
  if (text_width(text, kNameSize) <= most) return text;
  do {
    text.pop_back();
    while (!text.empty() && (uint8_t(text.back()) & 0xC0) == 0x80) text.pop_back();  // whole characters
  } while (!text.empty() && text_width(text + "…", kNameSize) > most);
  return text + "…";
}

void title(Canvas& canvas, const std::string& text) {
  canvas.text({16, 20}, text, {.size = kPairTitleSize, .bold = true});
}

}  // namespace

RankChart rank_chart(const Comparison& comparison) {
  const Ranking& r = comparison.ranking;
  RankChart chart{.title = "Mean ranks over trials",
                  .description = "Mean rank of each method, 1 for the best:",
                  .names = {},
                  .mean_rank = r.mean_rank,
                  .critical_difference = r.critical_difference};
  for (size_t m = 0; m < r.mean_rank.size(); ++m) {
    chart.names.push_back(comparison.methods[m].name);
    chart.description += fmt::format(" {} {:.2f}.", chart.names.back(), r.mean_rank[m]);
  }
  chart.description += fmt::format(" Critical difference {:.2f}.", r.critical_difference);
  const size_t runs = not_told_apart(r.mean_rank, r.critical_difference).size();
  chart.height = int(110 + 9 * double(runs) + kRow * double((chart.names.size() + 1) / 2));
  return chart;
}

void draw(Canvas& canvas, const RankChart& chart) {
  const size_t count = chart.names.size();
  const double left = 190, right = chart.width - 190, axis = 76;
  const Scale x{1, double(std::max<size_t>(count, 2)), left, right};
  title(canvas, chart.title);
  canvas.line({left, 46}, {x(1 + chart.critical_difference), 46}, {.ink = Ink::muted, .width = 1.5});
  for (const double end : {left, x(1 + chart.critical_difference)})
    canvas.line({end, 42}, {end, 50}, {.ink = Ink::muted, .width = 1.5});
  canvas.text({left - 8, 50}, fmt::format("critical difference {:.2f}", chart.critical_difference),
              {.size = kPairTickSize, .ink = Ink::muted, .align = Align::right});
  canvas.line({left, axis}, {right, axis}, {.ink = Ink::text, .width = 1});
  for (size_t rank = 1; rank <= count; ++rank) {
    canvas.line({x(double(rank)), axis - 4}, {x(double(rank)), axis}, {.ink = Ink::text, .width = 1});
    canvas.text({x(double(rank)), axis - 8}, fmt::format("{}", rank),
                {.size = kPairTickSize, .ink = Ink::muted, .align = Align::center});
  }
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t(0));
  std::ranges::stable_sort(order, {}, [&](size_t m) { return chart.mean_rank[m]; });
  const auto bars = not_told_apart(chart.mean_rank, chart.critical_difference);
  for (size_t b = 0; b < bars.size(); ++b) {
    const double y = axis + 10 + 9 * double(b);
    canvas.line({x(chart.mean_rank[order[bars[b].first]]) - 3, y}, {x(chart.mean_rank[order[bars[b].second]]) + 3, y},
                {.ink = Ink::text, .width = 4});
  }
  const double below = axis + 24 + 9 * double(bars.size());
  const size_t half = (count + 1) / 2;
  for (size_t place = 0; place < count; ++place) {
    const bool on_left = place < half;
    const double row = double(on_left ? place : count - 1 - place), y = below + kRow * row;
    const double at = x(chart.mean_rank[order[place]]), end = on_left ? left - 6 : right + 6;
    canvas.polyline(std::array{Point{at, axis}, Point{at, y}, Point{end, y}}, {.ink = Ink::muted, .width = 1});
    const std::string name = fitted(chart.names[order[place]], 120);
    const std::string text = on_left ? fmt::format("{}  {:.2f}", name, chart.mean_rank[order[place]])
                                     : fmt::format("{:.2f}  {}", chart.mean_rank[order[place]], name);
    canvas.text({end + (on_left ? -4 : 4), y + 4}, text,
                {.size = kNameSize, .align = on_left ? Align::right : Align::left});
  }
}

DifferenceChart difference_chart(const Comparison& comparison, size_t against) {
  const std::string& other = comparison.methods[against].name;
  DifferenceChart chart{.title = fmt::format("Area against {}, trial by trial (points)", other),
                        .description = fmt::format("Differences of areas to {} in points:", other),
                        .rows = {}};
  const auto& baseline = comparison.methods[against].by_trial;
  for (size_t m = 0; m < comparison.methods.size(); ++m) {
    if (m == against) continue;
    DifferenceRow row{.name = comparison.methods[m].name, .differences = {}, .estimate = {}, .ink = series_ink(int(m))};
    for (const auto& [trial, area] : comparison.methods[m].by_trial)
      if (const auto at = baseline.find(trial); at != baseline.end()) row.differences.push_back(area - at->second);
    if (row.differences.empty()) continue;
    row.estimate = estimate(row.differences);
    chart.description += fmt::format(" {} {:+.2f} of {} trials.", row.name, row.estimate.mean, row.estimate.count);
    chart.rows.push_back(std::move(row));
  }
  chart.height = int(66 + kRow * double(chart.rows.size()));
  return chart;
}

void draw(Canvas& canvas, const DifferenceChart& chart) {
  double low = 0, high = 0;
  for (const DifferenceRow& row : chart.rows) {
    for (const double d : row.differences) low = std::min(low, d), high = std::max(high, d);
    if (std::isfinite(row.estimate.half)) {
      low = std::min(low, row.estimate.mean - row.estimate.half);
      high = std::max(high, row.estimate.mean + row.estimate.half);
    }
  }
  round_outwards(low, high, 8);
  const double top = 36, bottom = chart.height - 28.0;
  const Scale x{low, high, 190, chart.width - 20.0};
  title(canvas, chart.title);
  for (const double tick : round_ticks(low, high, 8)) {
    canvas.line({x(tick), top}, {x(tick), bottom},
                {.ink = tick == 0 ? Ink::text : Ink::grid, .width = tick == 0 ? 1.2 : 1});
    canvas.text({x(tick), bottom + 16}, tick_text(tick),
                {.size = kPairTickSize, .ink = Ink::muted, .align = Align::center});
  }
  for (size_t i = 0; i < chart.rows.size(); ++i) {
    const DifferenceRow& row = chart.rows[i];
    const double y = top + kRow * (double(i) + 0.5);
    canvas.text({182, y + 4}, fitted(row.name, 165), {.size = kNameSize, .align = Align::right});
    for (const double d : row.differences) canvas.dot({x(d), y}, 2.4, Ink::muted);
    const double half = std::isfinite(row.estimate.half) ? row.estimate.half : 0;
    canvas.line({x(row.estimate.mean - half), y}, {x(row.estimate.mean + half), y}, {.ink = row.ink, .width = 2.5});
    canvas.dot({x(row.estimate.mean), y}, 5.2, Ink::paper);
    canvas.dot({x(row.estimate.mean), y}, 4, row.ink);
  }
}

LineChart trial_curves(const Comparison& comparison, size_t method) {
  const MethodAreas& m = comparison.methods[method];
  LineChart chart;
  chart.title = m.name;
  chart.x_label = "labels in the ledger";
  chart.y_label = "test accuracy (%)";
  chart.description = fmt::format("Accuracy by labels of {}, one line for each trial.", m.name);
  chart.possible = {0, 100};
  chart.height = 240;
  if (comparison.labels.size() <= 10) chart.x_ticks = comparison.labels;
  for (const auto& [trial, curve] : m.curves) {
    LineSeries series{.name = fmt::format("{}", trial),
                      .ink = series_ink(int(trial)),
                      .mean = {},
                      .deviation = {},
                      .members = {},
                      .points = false};
    for (size_t i = 0; i < curve.size(); ++i) series.mean.push_back({comparison.labels[i], curve[i]});
    chart.series.push_back(std::move(series));
  }
  return chart;
}

}  // namespace crc::apps
