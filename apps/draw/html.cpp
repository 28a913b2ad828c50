#include "apps/draw/html.h"

#include <fmt/format.h>

#include <cmath>

#include "apps/base/progress.h"

namespace crc::apps {

const std::string_view kPageGenerator = "<meta name=\"generator\" content=\"crc_train report\"/>\n";

namespace {
constexpr const char* kStyle = R"(
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:880px;margin:0 auto;padding:40px 24px 64px}
h1{font-size:26px;line-height:1.25;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:18px;margin:44px 0 10px;padding-top:14px;border-top:1px solid var(--grid)}
p{margin:8px 0}
.sub,figcaption,.note{color:var(--muted);font-size:13.5px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:24px 0 8px}
.tile{border:1px solid var(--grid);border-radius:8px;padding:12px 14px}
.tile b{display:block;font-size:22px;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}
.tile span{color:var(--muted);font-size:13px}
figure{margin:14px 0}
figure svg{display:block;width:100%;height:auto}
.scroll{overflow-x:auto;scrollbar-width:thin}
table{border-collapse:collapse;margin:10px 0;font-size:14px;font-variant-numeric:tabular-nums;min-width:50%}
th{font-weight:600;text-align:left;color:var(--muted);font-size:12.5px}
th,td{padding:5px 18px 5px 0;border-bottom:1px solid var(--grid);white-space:nowrap}
td.n,th.n{text-align:right}
td.w{white-space:normal}
[id$=pairs] th,[id$=pairs] td{padding-right:8px}
[id$=pairs] th:first-child,[id$=pairs] td:first-child{position:sticky;left:0;background:var(--paper)}
[id$=pairs] td:first-child{white-space:normal;max-width:140px}
.pm{color:var(--muted);font-size:12.5px}
.key{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:7px}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;font-size:12.5px}
pre{overflow-x:auto;border:1px solid var(--grid);border-radius:8px;padding:12px;line-height:1.45}
details{margin:8px 0}
summary{cursor:pointer;color:var(--muted);font-size:14px}
.queries{display:grid;grid-template-columns:repeat(auto-fill,minmax(240px,1fr));gap:16px;margin:10px 0}
.queries figure{margin:0}
.queries img{width:100%;image-rendering:pixelated;border-radius:6px;display:block}
@media print{details>*{display:block}body{font-size:12px}}
)";
}  // namespace

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
TableCell TableCell::seconds(double value) { return {std::isfinite(value) ? duration(value) : "", true}; }

std::string table(const std::vector<std::string>& heads, const std::vector<std::vector<TableCell>>& rows) {
  std::string html = "<div class=\"scroll\"><table>\n<thead><tr>";
  for (size_t i = 0; i < heads.size(); ++i) {
    const bool number = !rows.empty() && i < rows[0].size() && rows[0][i].number;
    html += fmt::format("<th{}>{}</th>", number ? " class=\"n\"" : "", escape_xml(heads[i]));
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    html += "<tr>";
    for (const TableCell& cell : row)
      html += fmt::format("<td{}>{}</td>", cell.number ? " class=\"n\"" : "", cell.html);
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

std::string html_page(const std::string& title, const std::string& body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "{}<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>{}</title>\n"
      "<style>:root{{color-scheme:light dark;{}}}\n@media(prefers-color-scheme:dark){{:root{{{}}}}}{}</style>\n"
      "</head>\n<body><main>\n{}</main></body>\n</html>\n",
      kPageGenerator, escape_xml(title), css_variables(Theme::light), css_variables(Theme::dark), kStyle, body);
}

}  // namespace crc::apps
