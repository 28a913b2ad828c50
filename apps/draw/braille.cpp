// Terminal plot: one character holds 2 x 4 dots (Unicode braille, U+2800 + bits).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/draw/axes.h"
#include "apps/draw/chart.h"

namespace crc::apps {
namespace {

constexpr uint8_t kDots[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};  // [row][column]

struct Character {
  uint8_t dots = 0;
  int series = 0;
};

std::string braille_character(uint8_t dots) {
  return {char(0xe2), char(0xa0 | (dots >> 6)), char(0x80 | (dots & 0x3f))};
}

std::string paint(const std::string& text, int series, bool color) {
  constexpr int kCodes[] = {34, 31, 32, 35, 33, 36, 37, 93};
  return color ? fmt::format("\x1b[{}m{}\x1b[0m", kCodes[series % 8], text) : text;
}

}  // namespace

std::string braille_plot(const LineChart& chart, int columns, int rows, bool color) {
  double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
  for (const LineSeries& series : chart.series) {
    for (const Point& p : series.mean) {
      if (!std::isfinite(p.y)) continue;
      x_low = std::min(x_low, p.x), x_high = std::max(x_high, p.x);
      y_low = std::min(y_low, p.y), y_high = std::max(y_high, p.y);
    }
  }
  if (!(x_low <= x_high)) return chart.title + ": no data yet\n";
  round_outwards(y_low, y_high, 4);
  if (x_low == x_high) x_low -= 1, x_high += 1;

  const int width = std::max(10, columns - 22);  // room for the ticks and the names at the lines' ends
  const Scale x{x_low, x_high, 0, 2.0 * width - 1}, y{y_low, y_high, 4.0 * rows - 1, 0};
  std::vector<Character> characters(size_t(width) * size_t(rows));
  auto dot = [&](double px, double py, int series) {
    const int column = int(std::lround(px)), row = int(std::lround(py));
    Character& character = characters[size_t(row / 4) * size_t(width) + size_t(column / 2)];
    character.dots |= kDots[row % 4][column % 2];
    character.series = series;
  };
  std::vector<std::string> names(size_t(rows), "");
  for (int s = int(chart.series.size()) - 1; s >= 0; --s) {  // the first on top
    const auto& mean = chart.series[size_t(s)].mean;
    for (size_t i = 0; i < mean.size(); ++i) {
      const Point a = mean[i > 0 ? i - 1 : 0], b = mean[i];
      if (!std::isfinite(a.y) || !std::isfinite(b.y)) continue;
      const int steps = std::max(1, int(std::max(std::abs(x(b.x) - x(a.x)), std::abs(y(b.y) - y(a.y)))));
      if (chart.series[size_t(s)].reference) {
        dot(x(b.x), y(b.y), s);
        continue;
      }
      for (int k = 0; k <= steps; ++k) {
        dot(x(a.x) + (x(b.x) - x(a.x)) * k / steps, y(a.y) + (y(b.y) - y(a.y)) * k / steps, s);
      }
    }
  }
  for (int s = 0; s < int(chart.series.size()); ++s) {  // names beside the ends, moved apart
    const auto& mean = chart.series[size_t(s)].mean;
    if (mean.empty() || !std::isfinite(mean.back().y)) continue;
    const int wanted = int(y(mean.back().y)) / 4;
    for (int offset = 0; offset < rows; ++offset) {
      const int row = std::clamp(wanted + (offset % 2 ? (offset + 1) / 2 : -offset / 2), 0, rows - 1);
      if (!names[size_t(row)].empty()) continue;
      names[size_t(row)] = paint(chart.series[size_t(s)].name.substr(0, 13), s, color);
      break;
    }
  }

  std::string text = fmt::format("{:>7} {}\n", "", chart.title);
  for (int row = 0; row < rows; ++row) {
    std::string tick;
    for (double value : round_ticks(y_low, y_high, 4)) {
      if (int(std::lround(y(value))) / 4 == row) tick = tick_text(value);
    }
    text += fmt::format("{:>7} │", tick);
    for (int column = 0; column < width; ++column) {
      const Character& character = characters[size_t(row) * size_t(width) + size_t(column)];
      text += character.dots ? paint(braille_character(character.dots), character.series, color) : " ";
    }
    text += (names[size_t(row)].empty() ? "" : " " + names[size_t(row)]) + "\n";
  }
  std::string line, labels(size_t(width) + 8, ' ');
  for (int i = 0; i < width; ++i) line += "─";
  int next = 0;
  for (double tick : chart.x_ticks.empty() ? round_ticks(x_low, x_high, 6) : chart.x_ticks) {
    const std::string label = tick_text(tick);
    const int at = std::clamp(int(x(tick) / 2) - int(label.size()) / 2, 0, width - int(label.size()) + 4);
    if (at < next) continue;
    labels.replace(size_t(at), label.size(), label);
    next = at + int(label.size()) + 2;
  }
  labels.erase(labels.find_last_not_of(' ') + 1);
  return text + fmt::format("{:>7} └{}\n{:>9}{}  {}\n", "", line, "", labels, chart.x_label);
}

}  // namespace crc::apps
