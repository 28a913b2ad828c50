// Small pieces of HTML. What is called text is escaped, what is called html is not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apps/draw/chart.h"
#include "apps/draw/png.h"

namespace crc::apps {

struct TableCell {
  std::string html;
  bool number = false;

  static TableCell text(std::string_view text) { return {escape_xml(text)}; }
  static TableCell code(std::string_view text);  // shortened to 12 characters, whole in the tooltip
  static TableCell integer(int64_t value);
  static TableCell percent(double fraction);  // 0.9312 -> 93.12; an empty cell for NaN
  static TableCell real(double value, const char* format = "{:.3g}");
  static TableCell seconds(double value);
};

std::string table(const std::vector<std::string>& heads, const std::vector<std::vector<TableCell>>& rows);
std::string section(std::string_view id, std::string_view title, const std::string& html);
std::string paragraph(const std::string& html);
std::string figure(const std::string& html, std::string_view caption = "");
std::string details(std::string_view summary, const std::string& html, bool open = false);

template <class Chart> std::string chart_figure(const Chart& chart, std::string_view caption = "") {
  return figure(chart_svg(chart), caption);
}

// The whole file around the sections, offline, in the reader's light or dark mode.
std::string html_page(const std::string& title, const std::string& body);
extern const std::string_view kPageGenerator;  // a line of every such page

}  // namespace crc::apps
