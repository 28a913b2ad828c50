#include "apps/draw/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "apps/draw/axes.h"

namespace crc::apps {
namespace {

constexpr double kLeft = 52, kRight = 20, kTop = 64, kBottom = 46;
constexpr double kTickSize = 11.5, kLabelSize = 12, kTitleSize = 15;
constexpr double kLegendRow = 18, kLeastPlot = 130;          // heights: of one row, of what is left below the legend
constexpr size_t kMostHints = 100, kMostHintBytes = 12'000;  // of a chart: a page has many

struct Frame {
  double left, right, top, bottom;
};

struct LegendEntry {
  std::string name;
  Ink ink;
  enum { line, hollow, bar, triangle } mark;
  double width = 2;
  bool dashed = false;
};

void draw_marker(Canvas& canvas, Point at, Ink ink, double radius, bool hollow) {
  canvas.dot(at, radius + 1.2, Ink::paper);  // a rim, so that dots stay apart from lines
  canvas.dot(at, radius, ink);
  if (hollow) canvas.dot(at, radius - 1.5, Ink::paper);
}

void draw_triangle(Canvas& canvas, double x, double y, Ink ink) {
  canvas.polygon(std::array{Point{x, y}, Point{x - 3.5, y + 6}, Point{x + 3.5, y + 6}}, ink);
}

double width_of(const LegendEntry& entry) { return 24 + text_width(entry.name, kLabelSize); }

// Where each entry begins; in rows, as many as it takes.
std::vector<Point> legend_places(const Frame& frame, const std::vector<LegendEntry>& entries) {
  std::vector<Point> places;
  Point at{frame.left, kTop - 23};
  for (const LegendEntry& entry : entries) {
    if (at.x > frame.left && at.x + width_of(entry) > frame.right + 4) at = {frame.left, at.y + kLegendRow};
    places.push_back(at);
    at.x += width_of(entry) + 20;
  }
  return places;
}

// A frame below the title and the legend.
Frame frame_of(int width, int height, std::vector<LegendEntry>& entries) {
  std::erase_if(entries, [](const LegendEntry& entry) { return entry.name.empty(); });
  Frame frame{kLeft, width - kRight, kTop, height - kBottom};
  while (entries.size() > 1 && frame.bottom - legend_places(frame, entries).back().y < kLeastPlot)
    entries.pop_back();  // what does not fit is in the table below every chart
  if (!entries.empty()) frame.top = legend_places(frame, entries).back().y + 23;
  return frame;
}

void draw_legend(Canvas& canvas, const Frame& frame, const std::vector<LegendEntry>& entries) {
  const std::vector<Point> places = legend_places(frame, entries);
  for (size_t i = 0; i < entries.size(); ++i) {
    const LegendEntry& entry = entries[i];
    const auto [x, y] = places[i];
    switch (entry.mark) {
      case LegendEntry::line:
        canvas.line({x, y - 4}, {x + 16, y - 4}, {.ink = entry.ink, .width = entry.width, .dashed = entry.dashed});
        break;
      case LegendEntry::hollow:
        draw_marker(canvas, {x + 8, y - 4}, entry.ink, 4, true);
        break;
      case LegendEntry::bar:
        canvas.rectangle(x + 3, y - 9, 11, 10, entry.ink);
        break;
      case LegendEntry::triangle:
        draw_triangle(canvas, x + 8, y - 7, entry.ink);
        break;
    }
    canvas.text({x + 22, y}, entry.name, {.size = kLabelSize});
  }
}

// In two lines where one is too wide.
std::pair<std::string, std::string> in_lines(const std::string& text, double size, double room) {
  if (text_width(text, size) <= room) return {text, ""};
  size_t end = text.rfind(' ');
  while (end != text.npos && end > 0 && text_width(text.substr(0, end), size) > room) end = text.rfind(' ', end - 1);
  if (end == text.npos || end == 0) return {text, ""};
  return {text.substr(0, end), text.substr(end + 1)};
}

void draw_titles(Canvas& canvas, const Frame& frame, const std::string& title, const std::string& x_label,
                 const std::string& y_label, int height) {
  const double room = frame.right - frame.left, middle = (frame.left + frame.right) / 2;
  const auto [first, second] = in_lines(title, 1.08 * kTitleSize, room);  // bold is wider than the stroke font
  canvas.text({frame.left, second.empty() ? 20.0 : 12.0}, first, {.size = kTitleSize, .bold = true});
  if (!second.empty()) canvas.text({frame.left, 28}, second, {.size = kTitleSize, .bold = true});
  const TextStyle below{.size = kLabelSize, .ink = Ink::muted, .align = Align::center};
  const auto [upper, lower] = in_lines(x_label, kLabelSize, room + kLeft);
  canvas.text({middle, height - (lower.empty() ? 10.0 : 15.0)}, upper, below);
  if (!lower.empty()) canvas.text({middle, height - 2.0}, lower, below);
  if (text_width(title, kTitleSize) + text_width(y_label, kLabelSize) + 40 < frame.right - frame.left) {
    canvas.text({frame.right, 20}, y_label, {.size = kLabelSize, .ink = Ink::muted, .align = Align::right});
  }
}

void draw_y_axis(Canvas& canvas, const Frame& frame, const Scale& y, const std::vector<double>& ticks) {
  for (double tick : ticks) {
    canvas.line({frame.left, y(tick)}, {frame.right, y(tick)}, {.ink = Ink::grid, .width = 1});
    canvas.text({frame.left - 9, y(tick) + 4}, tick_text(tick),
                {.size = kTickSize, .ink = Ink::muted, .align = Align::right});
  }
}

int ticks_in(const Frame& frame) { return std::clamp(int((frame.right - frame.left) / 70), 3, 8); }

void draw_x_axis(Canvas& canvas, const Frame& frame) {
  canvas.line({frame.left, frame.bottom}, {frame.right, frame.bottom}, {.ink = Ink::muted, .width = 1});
}

struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return !(low <= high); }
};

double deviation(const LineSeries& series, size_t i) {
  return i < series.deviation.size() && std::isfinite(series.deviation[i]) ? series.deviation[i] : 0;
}

// Its ends at point i.
std::array<double, 2> band_at(const LineChart& chart, const LineSeries& series, size_t i) {
  const auto [low, high] = chart.possible;
  return {std::clamp(series.mean[i].y - deviation(series, i), low, high),
          std::clamp(series.mean[i].y + deviation(series, i), low, high)};
}

std::pair<Extent, Extent> extents(const LineChart& chart) {
  Extent x, y;
  for (const LineSeries& series : chart.series) {
    for (size_t i = 0; i < series.mean.size(); ++i) {
      x.add(series.mean[i].x);
      for (const double end : band_at(chart, series, i)) y.add(end);
    }
    for (const auto& member : series.members) {
      for (const Point& p : member) {
        x.add(p.x);
        y.add(p.y);
      }
    }
  }
  if (chart.y_range) y.low = chart.y_range->first, y.high = chart.y_range->second;
  return {x, y};
}

class LinePlot {
 public:
  LinePlot(Canvas& canvas, const Frame& frame, Scale x, Scale y) : canvas_(canvas), frame_(frame), x_(x), y_(y) {}

  void band(const LineChart& chart, const LineSeries& series) {
    std::vector<Point> outline;
    for (size_t i = 0; i < series.mean.size(); ++i) {
      outline.push_back(at({series.mean[i].x, band_at(chart, series, i)[1]}));
    }
    for (size_t i = series.mean.size(); i-- > 0;) {
      outline.push_back(at({series.mean[i].x, band_at(chart, series, i)[0]}));
    }
    if (!series.deviation.empty() && outline.size() > 2) canvas_.polygon(outline, series.ink, 0.13);
  }
  void members(const LineSeries& series) {
    for (const auto& member : series.members) line(member, {.ink = series.ink, .width = 1, .opacity = 0.45});
  }
  void mean(const LineSeries& series) {
    const double width = series.emphasized ? 2.8 : 1.9;
    if (!series.reference) line(series.mean, {.ink = series.ink, .width = width, .dashed = series.dashed});
    if (!series.points && series.mean.size() > 1) return;
    for (const Point& p : series.mean) {
      if (std::isfinite(p.y)) draw_marker(canvas_, at(p), series.ink, series.emphasized ? 4 : 3.2, series.reference);
    }
  }

 private:
  Point at(Point p) const { return {x_(p.x), std::clamp(y_(p.y), frame_.top, frame_.bottom)}; }
  void line(const std::vector<Point>& data, Stroke stroke) {  // a missing value interrupts it
    std::vector<Point> run;
    for (const Point& p : data) {
      if (std::isfinite(p.y)) {
        run.push_back(at(p));
      } else if (!run.empty()) {
        canvas_.polyline(run, stroke);
        run.clear();
      }
    }
    if (!run.empty()) canvas_.polyline(run, stroke);
  }
  Canvas& canvas_;
  Frame frame_;
  Scale x_, y_;
};

std::string label_of(const std::string& axis, const std::string& value) {
  return axis.empty() || axis.size() > 24 ? value : axis + " " + value;
}

std::string value_text(double value) { return fmt::format("{:.4g}", value); }

// One for each place on the x axis, of all lines that have a value there.
void draw_hints(Canvas& canvas, const Frame& frame, const LineChart& chart, const Scale& x) {
  std::map<double, std::string> texts;
  for (const LineSeries& series : chart.series)
    for (size_t i = 0; i < series.mean.size(); ++i) {
      const Point p = series.mean[i];
      if (!std::isfinite(p.x) || !std::isfinite(p.y)) continue;
      const std::string spread = deviation(series, i) > 0 ? " ± " + fmt::format("{:.2g}", deviation(series, i)) : "";
      texts[p.x] += "\n" + (series.name.empty() ? "" : series.name + ": ") + value_text(p.y) + spread;
    }
  size_t bytes = 0;
  for (const auto& [at, text] : texts) bytes += text.size();
  const size_t stride = std::max((texts.size() + kMostHints - 1) / kMostHints, bytes / kMostHintBytes + 1);
  std::vector<std::pair<double, std::string>> kept;
  size_t place = 0;
  for (const auto& [at, text] : texts)
    if (place++ % stride == 0) kept.emplace_back(x(at), label_of(chart.x_label, tick_text(at)) + text);
  for (size_t i = 0; i < kept.size(); ++i) {
    const double left = i > 0 ? (kept[i - 1].first + kept[i].first) / 2 : frame.left;
    const double right = i + 1 < kept.size() ? (kept[i].first + kept[i + 1].first) / 2 : frame.right;
    canvas.hint({left, frame.top}, right - left, frame.bottom - frame.top, kept[i].second);
  }
}

}  // namespace

void draw(Canvas& canvas, const LineChart& chart) {
  std::vector<LegendEntry> legend;
  for (const LineSeries& s : chart.series)
    legend.push_back(
        {s.name, s.ink, s.reference ? LegendEntry::hollow : LegendEntry::line, s.emphasized ? 2.8 : 1.9, s.dashed});
  const Frame frame = frame_of(chart.width, chart.height, legend);
  draw_titles(canvas, frame, chart.title, chart.x_label, chart.y_label, chart.height);
  auto [xs, ys] = extents(chart);
  if (xs.empty() || ys.empty()) {
    canvas.text({(frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2}, "no data yet",
                {.size = kLabelSize, .ink = Ink::muted, .align = Align::center});
    return;
  }
  if (!chart.y_range) round_outwards(ys.low, ys.high, 6);
  if (xs.low == xs.high) xs.low -= 1, xs.high += 1;
  const double inset = 10;
  const Scale x{xs.low, xs.high, frame.left + inset, frame.right - inset}, y{ys.low, ys.high, frame.bottom, frame.top};
  draw_y_axis(canvas, frame, y, round_ticks(ys.low, ys.high, 6));
  draw_x_axis(canvas, frame);
  const std::vector<double> x_ticks =
      chart.x_ticks.empty() ? round_ticks(xs.low, xs.high, ticks_in(frame)) : chart.x_ticks;
  double free = frame.left - 30;  // to the right of the last text
  for (double tick : x_ticks) {
    canvas.line({x(tick), frame.bottom}, {x(tick), frame.bottom + 4}, {.ink = Ink::muted, .width = 1});
    const double half = text_width(tick_text(tick), kTickSize) / 2;
    if (x(tick) - half < free) continue;
    free = x(tick) + half + 5;
    canvas.text({x(tick), frame.bottom + 17}, tick_text(tick),
                {.size = kTickSize, .ink = Ink::muted, .align = Align::center});
  }
  LinePlot plot(canvas, frame, x, y);
  for (const LineSeries& series : chart.series) plot.band(chart, series);
  for (const LineSeries& series : chart.series) plot.members(series);
  for (int layer = 0; layer < 3; ++layer) {  // the emphasized lines above the others, published numbers on top
    for (const LineSeries& series : chart.series) {
      if ((series.reference ? 2 : series.emphasized ? 1 : 0) == layer) plot.mean(series);
    }
  }
  draw_legend(canvas, frame, legend);
  draw_hints(canvas, frame, chart, x);
}

namespace {

void draw_bars(Canvas& canvas, const BarChart& chart, const Scale& x, const Scale& y) {
  const double slot = x(1) - x(0), used = chart.touching ? slot - std::min(1.0, slot * 0.1) : slot * 0.76;
  const double bar = used / double(std::max<size_t>(1, chart.series.size()));
  for (size_t s = 0; s < chart.series.size(); ++s) {
    for (size_t i = 0; i < chart.series[s].values.size(); ++i) {
      const double value = chart.series[s].values[i];
      if (!(value > 0)) continue;
      const double left = x(double(i)) + (slot - used) / 2 + bar * double(s);
      canvas.rectangle(left, y(value), std::max(0.8, bar - (chart.touching ? 0 : 1)), y(0) - y(value),
                       chart.series[s].ink, chart.touching ? 0.75 : 1);
    }
  }
}

void draw_categories(Canvas& canvas, const Frame& frame, const BarChart& chart, const Scale& x) {
  const TextStyle style{.size = kTickSize, .ink = Ink::muted, .align = Align::center};
  if (chart.x_range) {
    const Scale numbers{chart.x_range->first, chart.x_range->second, frame.left, frame.right};
    for (double tick : round_ticks(numbers.low, numbers.high, ticks_in(frame))) {
      canvas.line({numbers(tick), frame.bottom}, {numbers(tick), frame.bottom + 4}, {.ink = Ink::muted});
      canvas.text({numbers(tick), frame.bottom + 18}, tick_text(tick), style);
    }
    return;
  }
  double widest = 0;
  for (const std::string& name : chart.categories) widest = std::max(widest, text_width(name, kTickSize));
  const size_t stride = size_t(std::max(1.0, std::ceil((widest + 8) / (x(1) - x(0)))));
  for (size_t i = 0; i < chart.categories.size(); i += stride) {
    canvas.text({x(double(i) + 0.5), frame.bottom + 17}, chart.categories[i], style);
  }
}

void draw_hints(Canvas& canvas, const Frame& frame, const BarChart& chart, const Scale& x, size_t count) {
  if (count > 2 * kMostHints) return;
  const double width = chart.x_range ? (chart.x_range->second - chart.x_range->first) / double(count) : 0;
  for (size_t i = 0; i < count; ++i) {
    std::string text = i < chart.categories.size() ? chart.categories[i] : "";
    if (chart.x_range) {
      const double low = chart.x_range->first + width * double(i);
      text = value_text(low) + " to " + value_text(low + width);
    }
    for (const BarSeries& series : chart.series)
      if (i < series.values.size() && std::isfinite(series.values[i]))
        text += "\n" + series.name + ": " + value_text(series.values[i]);
    canvas.hint({x(double(i)), frame.top}, x(1) - x(0), frame.bottom - frame.top, text);
  }
}

}  // namespace

void draw(Canvas& canvas, const BarChart& chart) {
  std::vector<LegendEntry> legend;
  for (const BarSeries& series : chart.series) legend.push_back({series.name, series.ink, LegendEntry::bar});
  if (!chart.marks.empty()) legend.push_back({chart.mark_name, series_ink(1), LegendEntry::triangle});
  const Frame frame = frame_of(chart.width, chart.height, legend);
  draw_titles(canvas, frame, chart.title, chart.x_label, chart.y_label, chart.height);
  Extent ys;
  ys.add(0);
  size_t count = std::max<size_t>(1, chart.categories.size());
  for (const BarSeries& series : chart.series) {
    count = std::max(count, series.values.size());
    for (double value : series.values) ys.add(value);
  }
  if (ys.high == 0) ys.high = 1;
  round_outwards(ys.low, ys.high, 4);
  const Scale x{0, double(count), frame.left, frame.right}, y{ys.low, ys.high, frame.bottom, frame.top};
  draw_y_axis(canvas, frame, y, round_ticks(ys.low, ys.high, 4));
  draw_bars(canvas, chart, x, y);
  draw_x_axis(canvas, frame);
  draw_categories(canvas, frame, chart, x);
  for (double mark : chart.marks) draw_triangle(canvas, x(mark), frame.bottom + 1, series_ink(1));
  draw_legend(canvas, frame, legend);
  draw_hints(canvas, frame, chart, x, count);
}

BarChart histogram_chart(const std::string& title, const std::string& x_label, double low, double high,
                         const std::vector<int64_t>& counts, const std::vector<double>& marks,
                         const std::string& mark_name) {
  BarChart chart;
  chart.title = chart.description = title;
  chart.y_label = "candidates";
  chart.x_label = x_label;
  chart.height = 240;
  chart.touching = true;
  const double width = (high - low) / double(std::max<size_t>(1, counts.size()));
  if (width > 0) chart.x_range = {low, high};
  for (double value : marks) chart.marks.push_back(width > 0 ? (value - low) / width : 0.5);
  chart.mark_name = mark_name;
  chart.series = {{.name = chart.y_label, .ink = Ink::muted, .values = {counts.begin(), counts.end()}}};
  return chart;
}

}  // namespace crc::apps
