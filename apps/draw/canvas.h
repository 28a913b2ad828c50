// A surface that charts are drawn on: SVG for the report (follows the reader's light or dark mode) and pixels for PNG.
// Coordinates are in CSS pixels, y down. Colours are roles, so a chart does not know the theme.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crc::apps {

struct Point {
  double x = 0, y = 0;
};

// Roles; series(i) cycles through eight colours of Okabe and Ito, which colour-blind readers can tell apart.
enum class Ink : uint8_t { text, muted, grid, paper, series = 8 };
inline Ink series_ink(int i) { return Ink(uint8_t(Ink::series) + i % 8); }

struct Rgb {
  uint8_t r, g, b;
};
enum class Theme { light, dark };
Rgb color_of(Ink ink, Theme theme);
std::string css_name(Ink ink);           // "--ink", "--c3", ...
std::string css_variables(Theme theme);  // "--ink:#1b1b1b;--c0:#0072b2;..."

struct Stroke {
  Ink ink = Ink::text;
  double width = 1;
  double opacity = 1;
  bool dashed = false;
};
enum class Align { left, center, right };
struct TextStyle {
  double size = 12;
  Ink ink = Ink::text;
  Align align = Align::left;
  bool bold = false;
};

// A picture, row after row.
struct Pixels {
  std::span<const uint8_t> rgb;  // [height, width, 3]
  int width = 0, height = 0;
};

class Canvas {
 public:
  virtual ~Canvas() = default;
  virtual void polyline(std::span<const Point> points, Stroke stroke) = 0;
  virtual void polygon(std::span<const Point> points, Ink fill, double opacity = 1) = 0;
  virtual void dot(Point center, double radius, Ink fill) = 0;
  virtual void text(Point baseline, std::string_view text, TextStyle style) = 0;
  // `scale` CSS pixels per pixel of the picture, without smoothing.
  virtual void image(Point corner, double scale, Pixels picture) = 0;
  // What a reader who points into this rectangle is told; where nobody can point, nothing.
  virtual void hint(Point, double /*width*/, double /*height*/, std::string_view /*text*/) {}

  void line(Point a, Point b, Stroke stroke) { polyline(std::array{a, b}, stroke); }
  void rectangle(double x, double y, double width, double height, Ink fill, double opacity = 1) {
    polygon(std::array{Point{x, y}, Point{x + width, y}, Point{x + width, y + height}, Point{x, y + height}}, fill,
            opacity);
  }
};

class SvgCanvas : public Canvas {
 public:
  void polyline(std::span<const Point> points, Stroke stroke) override;
  void polygon(std::span<const Point> points, Ink fill, double opacity) override;
  void dot(Point center, double radius, Ink fill) override;
  void text(Point baseline, std::string_view text, TextStyle style) override;
  void image(Point corner, double scale, Pixels picture) override;
  void hint(Point corner, double width, double height, std::string_view text) override;

  // `description` is what a screen reader says. Standalone: with its own colours, as a file; else the page has them.
  std::string finish(int width, int height, std::string_view description, bool standalone) const;

 private:
  std::string body_;
};

// Anti-aliased pixels with a built-in stroke font; `scale` pixels per CSS pixel.
class RasterCanvas : public Canvas {
 public:
  RasterCanvas(int width, int height, double scale, Theme theme = Theme::light);
  void polyline(std::span<const Point> points, Stroke stroke) override;
  void polygon(std::span<const Point> points, Ink fill, double opacity) override;
  void dot(Point center, double radius, Ink fill) override;
  void text(Point baseline, std::string_view text, TextStyle style) override;
  void image(Point corner, double scale, Pixels picture) override;

  std::string png() const;

 private:
  struct Mask;  // coverage of one primitive over its bounding box
  void blend(const Mask& mask, Ink ink, double opacity);
  int width_, height_;
  double scale_;
  Theme theme_;
  std::vector<float> pixels_;  // [height, width, 3] in [0, 1]
};

// The width of a text in the stroke font; SVG text in a system font is close to it.
double text_width(std::string_view text, double size);

std::string escape_xml(std::string_view text);  // for text and quoted attributes; invalid UTF-8 becomes U+FFFD

}  // namespace crc::apps
