// One picture of street_digits: what is drawn (a pure function of the item's random numbers) and its pixels.
// The same bytes everywhere: + - * / and sqrt in float (contraction is off in the whole project), no libm function.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "data/datasets/digit_glyphs.h"
#include "kernels/core/random.h"

namespace crc::data {

enum Decoration { kPlain, kStripes, kOccluder };

struct Style {
  const char* name;
  Typeface face;
  bool bright;  // ink brighter than the background
  Decoration decoration;
  float frequency;
};

// From a digit box of 1 x 1 to pixels: p -> M p + t.
struct Affine {
  float xx, xy, yx, yy, tx, ty;
  Point operator()(Point p) const { return {xx * p.x + xy * p.y + tx, yx * p.x + yy * p.y + ty}; }
};

struct PlacedDigit {
  int digit = 0;
  Affine pose{};
};

struct Scene {
  PlacedDigit digits[3];  // the labelled one first, then neighbours
  int count = 1;
  int blended = -1;  // the other digit of an ambiguous picture
  float blend = 0;   // its share of the ink
  Typeface face = kRound;
  Decoration decoration = kPlain;
  float width = 1, softness = 1;                // of the stroke, pixels
  float ink[3] = {}, paper[3] = {};             // 0..1
  float slope_x = 0, slope_y = 0;               // brightness gradient across half the picture
  float stripes = 0, frequency = 0, phase = 0;  // amplitude; periods per pixel; periods
  int occluder_x = 0, occluder_y = 0, occluder_w = 0, occluder_h = 0;
  float occluder[3] = {};
  float noise = 0;    // standard deviation
  bool grey = false;  // one noise value for the three channels
  float rotation = 0;
};

// Mean 0, variance 1, within +-3.45: the sum of the four bytes of a random word (Irwin-Hall), exact on every machine.
inline float normal_from(uint32_t bits) {
  const int sum = int(bits & 255) + int(bits >> 8 & 255) + int(bits >> 16 & 255) + int(bits >> 24);
  return float(sum - 510) * (1.0f / 147.8f);
}

std::span<const Style> easy_styles();    // 16x16: grey, no neighbours
std::span<const Style> street_styles();  // 32x32: after Street View House Numbers
Scene easy_scene(Draws& draws, const Style& style, int digit);
Scene street_scene(Draws& draws, const Style& style, int digit);
// pixels [size,size,3]
void render(const Scene& scene, const Glyphs& glyphs, Draws& noise, int size, uint8_t* pixels);

}  // namespace crc::data
