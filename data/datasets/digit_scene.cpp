#include "data/datasets/digit_scene.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace crc::data {
namespace {

constexpr int kMaxSize = 32;

constexpr Style kEasy[] = {
    {"round", kRound, true, kPlain, 0.55f},
    {"serif", kSerif, true, kPlain, 0.25f},
    {"seven-segment", kSevenSegment, true, kPlain, 0.14f},
    {"round striped", kRound, true, kStripes, 0.06f},
};
constexpr Style kStreet[] = {
    {"round dark", kRound, false, kPlain, 0.40f},
    {"round bright", kRound, true, kPlain, 0.20f},
    {"serif dark", kSerif, false, kPlain, 0.14f},
    {"seven-segment bright", kSevenSegment, true, kPlain, 0.10f},
    {"serif bright striped", kSerif, true, kStripes, 0.07f},
    {"seven-segment dark striped", kSevenSegment, false, kStripes, 0.05f},
    {"round dark occluded", kRound, false, kOccluder, 0.03f},
    {"serif bright occluded", kSerif, true, kOccluder, 0.01f},
};

float normal(Draws& draws, float sigma) { return sigma * normal_from(draws.bits()); }
float clamp01(float v) { return std::min(std::max(v, 0.0f), 1.0f); }

// Rotation by `angle` (exactly: by 2 atan(angle/2)), after aspect and shear, about the middle of the box.
Affine pose(float angle, float scale, float aspect, float shear, Point center) {
  const float t = 0.5f * angle, d = 1 / (1 + t * t);
  const float c = (1 - t * t) * d, s = 2 * t * d;
  Affine m{scale * c * aspect, scale * (c * shear - s), scale * s * aspect, scale * (s * shear + c), 0, 0};
  const Point middle = m({0.5f, 0.5f});
  m.tx = center.x - middle.x;
  m.ty = center.y - middle.y;
  return m;
}

// Lowers nearest[y][x] to the squared distance from pixel centres to the glyph, within `reach` pixels of it.
void draw(const Glyph& glyph, const Affine& pose, float reach, int size, float (*nearest)[kMaxSize]) {
  for (const Segment& segment : glyph) {
    const Point a = pose(segment.a), b = pose(segment.b);
    const int x0 = int(std::clamp(std::min(a.x, b.x) - reach, 0.0f, float(size)));
    const int x1 = int(std::clamp(std::max(a.x, b.x) + reach + 1, 0.0f, float(size)));
    const int y0 = int(std::clamp(std::min(a.y, b.y) - reach, 0.0f, float(size)));
    const int y1 = int(std::clamp(std::max(a.y, b.y) + reach + 1, 0.0f, float(size)));
    const float ux = b.x - a.x, uy = b.y - a.y, inverse = 1 / (ux * ux + uy * uy + 1e-9f);
    for (int y = y0; y < y1; ++y)
      for (int x = x0; x < x1; ++x) {
        const float px = float(x) + 0.5f - a.x, py = float(y) + 0.5f - a.y;
        const float t = clamp01((px * ux + py * uy) * inverse);
        const float dx = px - t * ux, dy = py - t * uy;
        nearest[y][x] = std::min(nearest[y][x], dx * dx + dy * dy);
      }
  }
}

// Coverage in 0..1: 1 inside the stroke, falling smoothly over 2 * softness pixels around its edge.
void cover(const Scene& scene, const Glyphs& glyphs, std::span<const PlacedDigit> digits, int size,
           float (*coverage)[kMaxSize]) {
  for (int y = 0; y < size; ++y) std::fill_n(coverage[y], size, 1e9f);
  const float reach = scene.width + scene.softness;
  for (const PlacedDigit& placed : digits) draw(glyphs(scene.face, placed.digit), placed.pose, reach, size, coverage);
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      const float t = clamp01((reach - std::sqrt(coverage[y][x])) / (2 * scene.softness));
      coverage[y][x] = t * t * (3 - 2 * t);
    }
}

void add_blend(const Scene& scene, const Glyphs& glyphs, int size, float (*coverage)[kMaxSize]) {
  float other[kMaxSize][kMaxSize];
  const PlacedDigit digit{scene.blended, scene.digits[0].pose};
  cover(scene, glyphs, {&digit, 1}, size, other);
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) coverage[y][x] += scene.blend * (other[y][x] - coverage[y][x]);
}

float background(const Scene& scene, int size, int x, int y) {
  const float fx = float(x) + 0.5f, fy = float(y) + 0.5f, half = 0.5f * float(size);
  float light = (scene.slope_x * (fx - half) + scene.slope_y * (fy - half)) / half;
  if (scene.decoration == kStripes) {
    const float periods = (0.8f * fx + 0.6f * fy) * scene.frequency + scene.phase;
    light += periods - float(int(periods)) < 0.5f ? scene.stripes : 0.0f;
  }
  return light;
}

bool occluded(const Scene& scene, int x, int y) {
  return x >= scene.occluder_x && x < scene.occluder_x + scene.occluder_w && y >= scene.occluder_y &&
         y < scene.occluder_y + scene.occluder_h;
}

}  // namespace

std::span<const Style> easy_styles() { return kEasy; }
std::span<const Style> street_styles() { return kStreet; }

Scene easy_scene(Draws& draws, const Style& style, int digit) {
  Scene scene;
  scene.face = style.face;
  scene.decoration = style.decoration;
  scene.softness = 1.05f;
  scene.stripes = 0.25f;
  scene.noise = 0.05f;
  scene.grey = true;
  scene.rotation = normal(draws, 0.10f);
  const float scale = draws.uniform(11.5f, 14), aspect = draws.uniform(0.8f, 1.05f), shear = normal(draws, 0.10f);
  const float x = 8 + normal(draws, 0.7f), y = 8 + normal(draws, 0.7f);
  scene.digits[0] = {digit, pose(scene.rotation, scale, aspect, shear, {x, y})};
  scene.width = draws.uniform(0.7f, 1.1f);
  std::ranges::fill(scene.paper, draws.uniform(0, 0.25f));
  std::ranges::fill(scene.ink, draws.uniform(0.7f, 1));
  scene.frequency = draws.uniform(0.19f, 0.286f);
  scene.phase = draws.uniform();
  return scene;
}

Scene street_scene(Draws& draws, const Style& style, int digit) {
  Scene scene;
  scene.face = style.face;
  scene.decoration = style.decoration;
  const auto place = [&draws](int d, float offset, float& angle) {
    angle = normal(draws, 0.12f);
    const float scale = draws.uniform(20, 26), aspect = draws.uniform(0.75f, 1.05f), shear = normal(draws, 0.12f);
    const float x = 16 + offset + normal(draws, 1.2f), y = 16 + normal(draws, 1.2f);
    return PlacedDigit{d, pose(angle, scale, aspect, shear, {x, y})};
  };
  scene.digits[0] = place(digit, 0, scene.rotation);
  for (const float side : {-1.0f, 1.0f}) {
    float angle;
    const bool present = draws.uniform() < 0.55f;
    const int neighbour = int(draws.below(10));
    const PlacedDigit placed = place(neighbour, side * draws.uniform(20, 25), angle);
    if (present) scene.digits[scene.count++] = placed;
  }
  scene.width = draws.uniform(1.1f, 2.3f);
  scene.softness = draws.uniform(0.6f, 1.5f);
  const float contrast = draws.uniform(0.25f, 0.70f) * (style.bright ? 1.0f : -1.0f);
  for (int c = 0; c < 3; ++c) {
    scene.paper[c] = 0.6f * draws.uniform(0.1f, 0.9f) + 0.4f * (style.bright ? 0.25f : 0.75f);
    scene.ink[c] = clamp01(scene.paper[c] + contrast + normal(draws, 0.06f));
  }
  scene.slope_x = normal(draws, 0.12f);
  scene.slope_y = normal(draws, 0.12f);
  scene.stripes = style.bright ? 0.16f : -0.16f;  // towards the ink: stripes must disturb
  scene.frequency = draws.uniform(0.13f, 0.21f);
  scene.phase = draws.uniform();
  scene.occluder_x = 4 + int(draws.below(16));
  scene.occluder_y = 4 + int(draws.below(16));
  scene.occluder_w = 4 + int(draws.below(5));
  scene.occluder_h = 4 + int(draws.below(5));
  for (float& channel : scene.occluder) channel = draws.uniform();
  scene.noise = draws.uniform(0.01f, 0.06f);
  return scene;
}

void render(const Scene& scene, const Glyphs& glyphs, Draws& noise, int size, uint8_t* pixels) {
  float coverage[kMaxSize][kMaxSize];
  cover(scene, glyphs, {scene.digits, size_t(scene.count)}, size, coverage);
  if (scene.blended >= 0) add_blend(scene, glyphs, size, coverage);
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      const float light = background(scene, size, x, y), share = coverage[y][x];
      const bool hidden = scene.decoration == kOccluder && occluded(scene, x, y);
      const float grey_noise = scene.grey ? normal(noise, scene.noise) : 0;
      for (int c = 0; c < 3; ++c) {
        float value = (scene.paper[c] + light) * (1 - share) + scene.ink[c] * share;
        if (hidden) value = scene.occluder[c];
        value += scene.grey ? grey_noise : normal(noise, scene.noise);
        *pixels++ = uint8_t(clamp01(value) * 255 + 0.5f);
      }
    }
}

}  // namespace crc::data
