#include "apps/draw/html.h"

#include <fmt/format.h>

#include <cmath>

#include "apps/base/progress.h"

namespace crc::apps {

const std::string_view kPageGenerator = "<meta name=\"generator\" content=\"crc_train report\"/>\n";

TableCell TableCell::code(std::string_view text) {
  return {fmt::format("<code title=\"{}\">{}</code>", escape_xml(text), escape_xml(text.substr(0, 12)))};
}
TableCell TableCell::integer(int64_t value) { return {fmt::format("{}", value), true}; }
TableCell TableCell::percent(double fraction) {
  return {std::isfinite(fraction) ? fmt::format("{:.2f}", 100 * fraction) : "", true};
}
TableCell TableCell::real(double value, const char* format) {
  return {std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : "", true};
}
TableCell TableCell::seconds(double value) {
  if (!std::isfinite(value)) return {"", true};
  return {.html = duration(value), .number = true, .sorts_by = fmt::format("{:.3f}", value)};
}

std::string table(const std::vector<std::string>& heads, const std::vector<std::vector<TableCell>>& rows) {
  std::string html = "<div class=\"scroll\"><table>\n<thead><tr>";
  for (size_t i = 0; i < heads.size(); ++i) {
    const bool number = !rows.empty() && i < rows[0].size() && rows[0][i].number;
    html += fmt::format("<th{}>{}</th>", number ? " class=\"n\"" : "", escape_xml(heads[i]));
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    html += "<tr>";
    for (const TableCell& cell : row) {
      const std::string value = cell.sorts_by.empty() ? "" : fmt::format(" data-v=\"{}\"", escape_xml(cell.sorts_by));
      const char* kind = cell.number ? " class=\"n\"" : cell.wraps ? " class=\"w\"" : "";
      html += fmt::format("<td{}{}>{}</td>", kind, value, cell.html);
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string section(std::string_view id, std::string_view title, const std::string& html) {
  return fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", id, escape_xml(title), html);
}

std::string paragraph(const std::string& html) { return "<p>" + html + "</p>\n"; }

std::string figure(const std::string& html, std::string_view caption) {
  const std::string below = caption.empty() ? "" : fmt::format("<figcaption>{}</figcaption>\n", escape_xml(caption));
  return "<figure>\n" + html + below + "</figure>\n";
}

std::string details(std::string_view summary, const std::string& html, bool open) {
  return fmt::format("<details{}><summary>{}</summary>\n{}</details>\n", open ? " open=\"open\"" : "",
                     escape_xml(summary), html);
}

std::string filled(std::string_view page, const std::map<std::string_view, std::string>& values) {
  std::string text;
  for (size_t at = 0;;) {
    const size_t open = page.find("{{", at), close = open == page.npos ? page.npos : page.find("}}", open);
    if (close == page.npos) return text.append(page.substr(at));
    const auto value = values.find(page.substr(open + 2, close - open - 2));
    text.append(page.substr(at, open - at)).append(value == values.end() ? "{" : value->second);
    at = value == values.end() ? open + 1 : close + 2;
  }
}

std::string html_page(const std::string& title, const std::string& body, int reload_s) {
  const std::string refresh =
      fmt::format("<noscript><meta http-equiv=\"refresh\" content=\"{}\"/></noscript>\n", reload_s);
  return filled(kReportPage, {{"head", std::string(kPageGenerator) + (reload_s > 0 ? refresh : "")},
                              {"title", escape_xml(title)},
                              {"light", css_variables(Theme::light)},
                              {"dark", css_variables(Theme::dark)},
                              {"script", std::string(kReportScript)},
                              {"live", reload_s > 0 ? fmt::format(" data-reload=\"{}\"", reload_s) : ""},
                              {"body", body}});
}

}  // namespace crc::apps
