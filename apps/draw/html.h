// Small pieces of HTML. What is called text is escaped, what is called html is not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apps/draw/chart.h"
#include "apps/draw/png.h"

namespace crc::apps {

struct TableCell {
  std::string html;
  bool number = false;
  std::string sorts_by = {};  // a number, where the text is none that sorts
  bool wraps = false;         // long text, on several lines

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

// As wide as a page, and drawn anew for a phone, so that its text is never small.
template <class Chart> std::string chart_figure(const Chart& chart, std::string_view caption = "") {
  Chart narrow = chart;
  narrow.width = 358;
  narrow.height = std::min(chart.height, 290);
  return figure(
      "<div class=\"wide\">" + chart_svg(chart) + "</div>\n<div class=\"narrow\">" + chart_svg(narrow) + "</div>\n",
      caption);
}

// {{name}} in `page` replaced by the value of that name; what is put in is not looked at again.
std::string filled(std::string_view page, const std::map<std::string_view, std::string>& values);

// The whole file around the sections, offline, in the reader's light or dark mode: tables sort, charts show values,
// print unfolds. `reload_s`: of something that goes on, which the page then loads again; 0: never.
std::string html_page(const std::string& title, const std::string& body, int reload_s = 0);
extern const std::string_view kPageGenerator;              // a line of every such page
extern const std::string_view kReportPage, kReportScript;  // apps/draw/pages

}  // namespace crc::apps
