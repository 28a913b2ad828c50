#include <algorithm>
#include <cmath>

#include "apps/draw/canvas.h"
#include "apps/draw/png.h"
#include "apps/draw/stroke_font.h"

namespace crc::apps {
namespace {

constexpr int kSubScanlines = 8;
constexpr double kDash = 5, kDashGap = 4;
constexpr double kStem = 0.078, kBoldStem = 0.118;  // stroke width of text, in font sizes

double distance_to_segment(double x, double y, Point a, Point b) {
  const double dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
  const double t = length2 > 0 ? std::clamp(((x - a.x) * dx + (y - a.y) * dy) / length2, 0.0, 1.0) : 0;
  return std::hypot(x - a.x - t * dx, y - a.y - t * dy);
}

std::vector<std::vector<Point>> dashed(std::span<const Point> points, double dash, double gap) {
  std::vector<std::vector<Point>> pieces;
  double into = 0;  // position inside dash + gap
  for (size_t i = 0; i + 1 < points.size(); ++i) {
    const Point a = points[i], b = points[i + 1];
    const double length = std::hypot(b.x - a.x, b.y - a.y);
    for (double at = 0; at < length;) {
      const bool drawing = into < dash;
      const double step = std::min(length - at, (drawing ? dash : dash + gap) - into);
      auto point = [&](double t) { return Point{a.x + (b.x - a.x) * t / length, a.y + (b.y - a.y) * t / length}; };
      if (drawing) pieces.push_back({point(at), point(at + step)});
      at += std::max(step, 1e-9);
      into = into + step >= dash + gap - 1e-9 ? 0 : into + step;
    }
  }
  return pieces;
}

// What a chart is asked to draw may lie anywhere: far outside, or nowhere (NaN).
int whole(double x) {
  constexpr double kFar = 1e9;
  return int(std::fmax(-kFar, std::fmin(kFar, x)));
}

}  // namespace

// Overlapping parts of one primitive count once: the mask keeps the largest coverage, and is blended at the end.
struct RasterCanvas::Mask {
  int x0, y0, x1, y1;
  std::vector<float> coverage;

  Mask(const RasterCanvas& canvas, std::span<const Point> points, double margin) {
    double left = 1e9, top = 1e9, right = -1e9, bottom = -1e9;
    for (const Point& p : points) {
      left = std::min(left, p.x), right = std::max(right, p.x);
      top = std::min(top, p.y), bottom = std::max(bottom, p.y);
    }
    x0 = std::clamp(whole(std::floor(left - margin)), 0, canvas.width_);
    y0 = std::clamp(whole(std::floor(top - margin)), 0, canvas.height_);
    x1 = std::clamp(whole(std::ceil(right + margin)) + 1, x0, canvas.width_);
    y1 = std::clamp(whole(std::ceil(bottom + margin)) + 1, y0, canvas.height_);
    coverage.assign(size_t(x1 - x0) * size_t(y1 - y0), 0.0f);
  }
  float& at(int x, int y) { return coverage[size_t(y - y0) * size_t(x1 - x0) + size_t(x - x0)]; }

  void add_capsule(Point a, Point b, double radius) {
    const int left = std::max(x0, whole(std::floor(std::min(a.x, b.x) - radius - 1)));
    const int right = std::min(x1, whole(std::ceil(std::max(a.x, b.x) + radius + 1)) + 1);
    const int top = std::max(y0, whole(std::floor(std::min(a.y, b.y) - radius - 1)));
    const int bottom = std::min(y1, whole(std::ceil(std::max(a.y, b.y) + radius + 1)) + 1);
    for (int y = top; y < bottom; ++y) {
      for (int x = left; x < right; ++x) {
        const double covered = std::clamp(radius + 0.5 - distance_to_segment(x + 0.5, y + 0.5, a, b), 0.0, 1.0);
        at(x, y) = std::max(at(x, y), float(covered));
      }
    }
  }

  void add_polyline(std::span<const Point> points, double radius) {
    if (points.size() == 1) add_capsule(points[0], points[0], radius);
    for (size_t i = 0; i + 1 < points.size(); ++i) add_capsule(points[i], points[i + 1], radius);
  }
};

RasterCanvas::RasterCanvas(int width, int height, double scale, Theme theme)
    : width_(int(width * scale)), height_(int(height * scale)), scale_(scale), theme_(theme) {
  const Rgb paper = color_of(Ink::paper, theme);
  pixels_.reserve(size_t(width_) * size_t(height_) * 3);
  for (int i = 0; i < width_ * height_; ++i) {
    for (uint8_t c : {paper.r, paper.g, paper.b}) pixels_.push_back(float(c) / 255);
  }
}

void RasterCanvas::blend(const Mask& mask, Ink ink, double opacity) {
  const Rgb rgb = color_of(ink, theme_);
  const float color[] = {float(rgb.r) / 255, float(rgb.g) / 255, float(rgb.b) / 255};
  const float* covered = mask.coverage.data();
  for (int y = mask.y0; y < mask.y1; ++y) {
    for (int x = mask.x0; x < mask.x1; ++x) {
      const float alpha = float(opacity) * *covered++;
      float* pixel = &pixels_[(size_t(y) * size_t(width_) + size_t(x)) * 3];
      for (int c = 0; c < 3; ++c) pixel[c] += alpha * (color[c] - pixel[c]);
    }
  }
}

void RasterCanvas::polyline(std::span<const Point> points, Stroke stroke) {
  std::vector<Point> scaled(points.begin(), points.end());
  for (Point& p : scaled) p = {p.x * scale_, p.y * scale_};
  const double radius = stroke.width * scale_ / 2;
  Mask mask(*this, scaled, radius + 1);
  if (stroke.dashed) {
    for (const auto& piece : dashed(scaled, kDash * scale_, kDashGap * scale_)) mask.add_polyline(piece, radius);
  } else {
    mask.add_polyline(scaled, radius);
  }
  blend(mask, stroke.ink, stroke.opacity);
}

// Even-odd fill: sub-scanlines in y, exact coverage in x.
void RasterCanvas::polygon(std::span<const Point> points, Ink fill, double opacity) {
  std::vector<Point> scaled(points.begin(), points.end());
  for (Point& p : scaled) p = {p.x * scale_, p.y * scale_};
  Mask mask(*this, scaled, 1);
  std::vector<double> crossings;
  for (int line = mask.y0 * kSubScanlines; line < mask.y1 * kSubScanlines; ++line) {
    const double y = (line + 0.5) / kSubScanlines;
    crossings.clear();
    for (size_t i = 0; i < scaled.size(); ++i) {
      const Point a = scaled[i], b = scaled[(i + 1) % scaled.size()];
      if ((a.y <= y) != (b.y <= y)) crossings.push_back(a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y));
    }
    std::sort(crossings.begin(), crossings.end());
    for (size_t i = 0; i + 1 < crossings.size(); i += 2) {
      const int from = std::max(mask.x0, whole(std::floor(crossings[i])));
      for (int x = from; x < mask.x1 && x < crossings[i + 1]; ++x) {
        const double covered = std::min(crossings[i + 1], x + 1.0) - std::max(crossings[i], double(x));
        mask.at(x, line / kSubScanlines) += float(std::max(0.0, covered) / kSubScanlines);
      }
    }
  }
  blend(mask, fill, opacity);
}

void RasterCanvas::dot(Point center, double radius, Ink fill) {
  const Point at{center.x * scale_, center.y * scale_};
  Mask mask(*this, std::array{at}, radius * scale_ + 1);
  mask.add_capsule(at, at, radius * scale_);
  blend(mask, fill, 1);
}

void RasterCanvas::text(Point baseline, std::string_view text, TextStyle style) {
  const double width = text_width(text, style.size);
  const double x = baseline.x - (style.align == Align::left ? 0 : style.align == Align::center ? width / 2 : width);
  const double radius = style.size * (style.bold ? kBoldStem : kStem) / 2 * scale_;
  std::vector<Point> all;
  auto strokes = text_strokes(text, style.size);
  for (auto& stroke : strokes) {
    for (Point& p : stroke) all.push_back(p = {(x + p.x) * scale_, (baseline.y + p.y) * scale_});
  }
  if (all.empty()) return;
  Mask mask(*this, all, radius + 1);
  for (const auto& stroke : strokes) mask.add_polyline(stroke, radius);
  blend(mask, style.ink, 1);
}

void RasterCanvas::image(Point corner, double scale, Pixels picture) {
  const double side = scale * scale_;  // of one pixel of the picture
  const int left = whole(std::round(corner.x * scale_)), top = whole(std::round(corner.y * scale_));
  const int right = std::min(width_, left + whole(std::round(picture.width * side)));
  const int bottom = std::min(height_, top + whole(std::round(picture.height * side)));
  for (int y = std::max(0, top); y < bottom; ++y) {
    const int row = std::min(picture.height - 1, int((y - top + 0.5) / side));
    for (int x = std::max(0, left); x < right; ++x) {
      const int column = std::min(picture.width - 1, int((x - left + 0.5) / side));
      const uint8_t* rgb = &picture.rgb[(size_t(row) * size_t(picture.width) + size_t(column)) * 3];
      float* pixel = &pixels_[(size_t(y) * size_t(width_) + size_t(x)) * 3];
      for (int c = 0; c < 3; ++c) pixel[c] = float(rgb[c]) / 255;
    }
  }
}

std::string RasterCanvas::png() const {
  std::vector<uint8_t> rgb;
  rgb.reserve(pixels_.size());
  for (float p : pixels_) rgb.push_back(uint8_t(std::lround(std::clamp(p, 0.0f, 1.0f) * 255)));
  return encode_png(rgb, width_, height_);
}

}  // namespace crc::apps
