#include <fmt/format.h>

#include "apps/draw/canvas.h"
#include "apps/draw/png.h"

namespace crc::apps {
namespace {

std::string coordinates(std::span<const Point> points) {
  std::string text;
  for (const Point& p : points) text += fmt::format("{}{:.1f},{:.1f}", text.empty() ? "" : " ", p.x, p.y);
  return text;
}

std::string opacity_attribute(const char* name, double opacity) {
  return opacity < 1 ? fmt::format(" {}=\"{:.2f}\"", name, opacity) : "";
}

// Bytes of the well-formed UTF-8 character at the start of `text`; 0 if there is none.
size_t utf8_length(std::string_view text) {
  const uint8_t lead = uint8_t(text[0]);
  const size_t length = lead < 0x80                      ? 1
                        : lead >> 5 == 6 && lead >= 0xc2 ? 2
                        : lead >> 4 == 14                ? 3
                        : lead >> 3 == 30                ? 4
                                                         : 0;
  if (length > text.size()) return 0;
  uint32_t code = length == 1 ? lead : lead & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((uint8_t(text[i]) & 0xc0) != 0x80) return 0;
    code = code << 6 | (uint8_t(text[i]) & 0x3f);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool forbidden = (code >= 0xd800 && code < 0xe000) || code > 0x10ffff || code == 0xfffe || code == 0xffff;
  return overlong || forbidden ? 0 : length;
}

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const char c = text[0];
    if (length == 0 || (uint8_t(c) < 0x20 && c != '\n' && c != '\t')) {
      out += "\xef\xbf\xbd";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(1, length));
  }
  return out;
}

void SvgCanvas::polyline(std::span<const Point> points, Stroke stroke) {
  body_ += fmt::format(
      "<polyline points=\"{}\" fill=\"none\" stroke=\"var({})\" stroke-width=\"{:g}\" stroke-linecap=\"round\" "
      "stroke-linejoin=\"round\"{}{}/>\n",
      coordinates(points), css_name(stroke.ink), stroke.width, opacity_attribute("stroke-opacity", stroke.opacity),
      stroke.dashed ? " stroke-dasharray=\"5 4\"" : "");
}

void SvgCanvas::polygon(std::span<const Point> points, Ink fill, double opacity) {
  body_ += fmt::format("<polygon points=\"{}\" fill=\"var({})\"{}/>\n", coordinates(points), css_name(fill),
                       opacity_attribute("fill-opacity", opacity));
}

void SvgCanvas::dot(Point center, double radius, Ink fill) {
  body_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:g}\" fill=\"var({})\"/>\n", center.x, center.y,
                       radius, css_name(fill));
}

void SvgCanvas::text(Point baseline, std::string_view text, TextStyle style) {
  const char* anchor = style.align == Align::left ? "start" : style.align == Align::center ? "middle" : "end";
  body_ += fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:g}\" text-anchor=\"{}\" fill=\"var({})\"{}>{}</text>\n",
      baseline.x, baseline.y, style.size, anchor, css_name(style.ink), style.bold ? " font-weight=\"600\"" : "",
      escape_xml(text));
}

void SvgCanvas::image(Point corner, double scale, Pixels picture) {
  body_ += fmt::format(
      "<image x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" style=\"image-rendering:pixelated\" "
      "href=\"{}\"/>\n",
      corner.x, corner.y, scale * picture.width, scale * picture.height,
      data_uri_png(encode_png(picture.rgb, picture.width, picture.height)));
}

void SvgCanvas::hint(Point corner, double width, double height, std::string_view text) {
  body_ += fmt::format(
      "<rect class=\"hint\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill-opacity=\"0\" "
      "pointer-events=\"all\"><title>{}</title></rect>\n",
      corner.x, corner.y, width, height, escape_xml(text));
}

std::string SvgCanvas::finish(int width, int height, std::string_view description, bool standalone) const {
  const std::string style =
      standalone
          ? fmt::format(
                "<style>svg{{{}background:var(--paper)}}@media(prefers-color-scheme:dark){{svg{{{}}}}}</style>\n",
                css_variables(Theme::light), css_variables(Theme::dark))
          : "";
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" {}role=\"img\" aria-label=\"{}\" "
      "font-family=\"system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif\">\n{}{}</svg>\n",
      width, height, standalone ? fmt::format("width=\"{}\" height=\"{}\" ", width, height) : "",
      escape_xml(description), style, body_);
}

}  // namespace crc::apps
