// Charts: what to draw, not how. draw() works on any Canvas, so the SVG in the report and the PNG are the same picture.
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/draw/canvas.h"

namespace crc::apps {

struct LineSeries {
  std::string name;  // empty: not in the legend
  Ink ink = series_ink(0);
  std::vector<Point> mean;
  std::vector<double> deviation;            // per point of `mean`; the band is mean +- deviation; empty: none
  std::vector<std::vector<Point>> members;  // thin lines behind: one per seed
  bool emphasized = false;
  bool dashed = false;
  bool points = true;      // dots at the points of `mean`
  bool reference = false;  // published numbers: hollow dots, no line
};

struct LineChart {
  std::string title, x_label, y_label;
  std::string description;  // for those who cannot see it
  std::vector<LineSeries> series;
  std::optional<std::pair<double, double>> y_range;         // otherwise from the data
  std::pair<double, double> possible{-INFINITY, INFINITY};  // no y lies outside: bands end there
  std::vector<double> x_ticks;                              // otherwise round numbers
  int width = 760, height = 400;
};

struct BarSeries {
  std::string name;
  Ink ink = series_ink(0);
  std::vector<double> values;  // one per category
};

struct BarChart {
  std::string title, x_label, y_label, description;
  std::vector<std::string> categories;               // names; may be empty when there is an x_range
  std::vector<BarSeries> series;                     // side by side
  bool touching = false;                             // no gaps between the bars
  std::optional<std::pair<double, double>> x_range;  // a histogram's; then ticks are numbers, not categories
  std::vector<double> marks;  // triangles on the axis at these places, in categories (2.5: middle of the third)
  std::string mark_name;
  int width = 760, height = 260;
};

// Of equal bins from low to high; `marks` are values.
BarChart histogram_chart(const std::string& title, const std::string& x_label, double low, double high,
                         const std::vector<int64_t>& counts, const std::vector<double>& marks,
                         const std::string& mark_name);

void draw(Canvas& canvas, const LineChart& chart);
void draw(Canvas& canvas, const BarChart& chart);

template <class Chart> std::string chart_svg(const Chart& chart, bool standalone = false) {
  SvgCanvas canvas;
  draw(canvas, chart);
  return canvas.finish(chart.width, chart.height, chart.description, standalone);
}
template <class Chart> std::string chart_png(const Chart& chart, double scale = 2, Theme theme = Theme::light) {
  RasterCanvas canvas(chart.width, chart.height, scale, theme);
  draw(canvas, chart);
  return canvas.png();
}

// The mean lines of a chart in braille dots for a terminal, with axes; every line ends in a newline.
std::string braille_plot(const LineChart& chart, int columns = 76, int rows = 16, bool color = false);

}  // namespace crc::apps
