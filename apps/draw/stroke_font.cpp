#include "apps/draw/stroke_font.h"

#include <cmath>
#include <cstdlib>
#include <numbers>

namespace crc::apps {
namespace {

// Units: baseline 0, x-height 7, capitals 10, descenders -3; y up. Commands, with comma-separated numbers:
//   m x,y   starts a stroke            l x,y   a line on
//   e cx,cy,rx,ry,from,to              starts a stroke along an elliptic arc (degrees, counter-clockwise positive)
//   a ...                              the same arc, joined to the stroke
struct Glyph {
  char32_t code;
  double width;
  const char* path;
};

constexpr Glyph kGlyphs[] = {
    {' ', 2.2, ""},
    {'!', 0, "m0,10 l0,3.2 m0,0.1 l0,0"},
    {'"', 2.4, "m0,10 l0,7 m2.4,10 l2.4,7"},
    {'#', 6.4, "m2.2,10 l1,0 m5.4,10 l4.2,0 m0.2,6.6 l6.4,6.6 m0,3.4 l6.2,3.4"},
    {'$', 6, "e3,7.2,2.7,2.2,35,270 a3,2.6,3,2.4,90,-145 m3,11 l3,-1"},
    {'%', 8.6, "e2,7.8,2,2.2,0,360 e6.6,2.2,2,2.2,0,360 m7.2,10 l1.4,0"},
    {'&', 7.4, "m7.4,0 l1.6,6.6 a3.2,8,1.9,2,200,-40 l1.2,4.6 a2.9,2.5,2.9,2.5,130,360"},
    {'\'', 0, "m0,10 l0,7"},
    {'(', 2.2, "e4.6,4,4.6,7.4,125,235"},
    {')', 2.2, "e-2.4,4,4.6,7.4,55,-55"},
    {'*', 4.4, "m2.2,10 l2.2,5.4 m0.2,8.8 l4.2,6.6 m4.2,8.8 l0.2,6.6"},
    {'+', 6, "m3,7.6 l3,1.6 m0,4.6 l6,4.6"},
    {',', 0.6, "m0.6,0.3 l0,-2"},
    {'-', 3.4, "m0,3.8 l3.4,3.8"},
    {'.', 0, "m0,0.1 l0,0"},
    {'/', 4.4, "m4.4,10.6 l0,-1.6"},
    {'0', 6, "e3,5,3,5,0,360"},
    {'1', 6, "m1,7.9 l3.6,10 l3.6,0"},
    {'2', 6, "e3,7.1,2.8,2.9,165,-35 l0.1,0 l6,0"},
    {'3', 6, "e2.8,7.6,2.6,2.4,150,-90 a2.9,2.6,3,2.6,90,-155"},
    {'4', 6, "m4.5,0 l4.5,10 l0,2.9 l6.2,2.9"},
    {'5', 6, "m5.4,10 l1,10 l0.6,5.5 a2.8,3.2,3.1,3.2,128,-150"},
    {'6', 6, "e3,3.1,3,3.1,0,360 e6.2,3.3,6.2,6.8,180,106"},
    {'7', 6, "m0,10 l6,10 l2,0"},
    {'8', 6, "e3,7.6,2.5,2.4,0,360 e3,2.6,3,2.6,0,360"},
    {'9', 6, "e3,6.9,3,3.1,0,360 e-0.2,6.7,6.2,6.8,0,-74"},
    {':', 0, "m0,0.1 l0,0 m0,5.6 l0,5.5"},
    {';', 0.6, "m0.6,0.3 l0,-2 m0.5,5.6 l0.5,5.5"},
    {'<', 5.2, "m5.2,8 l0,4.6 l5.2,1.2"},
    {'=', 6, "m0,6.2 l6,6.2 m0,3 l6,3"},
    {'>', 5.2, "m0,8 l5.2,4.6 l0,1.2"},
    {'?', 5, "e2.5,7.5,2.5,2.5,165,-60 l2.5,4.4 l2.5,3 m2.5,0.1 l2.5,0"},
    {'@', 9, "e4.5,4,2,2.4,0,360 m6.5,6.4 l6.5,2.6 a7.7,2.6,1.2,1,180,360 l8.9,4.4 a4.5,4,4.5,5.4,5,310"},
    {'A', 7.4, "m0,0 l3.7,10 l7.4,0 m1.3,3.4 l6.1,3.4"},
    {'B', 6.5, "m0,5.2 l3.4,5.2 a3.4,7.6,2.6,2.4,-90,90 l0,10 l0,0 l3.7,0 a3.7,2.6,2.8,2.6,-90,90"},
    {'C', 7.6, "e4.4,5,4.4,5,48,312"},
    {'D', 7.4, "m0,0 l0,10 l2.6,10 a2.6,5,4.8,5,90,-90 l0,0"},
    {'E', 5.6, "m5.6,10 l0,10 l0,0 l5.6,0 m0,5.2 l5,5.2"},
    {'F', 5.4, "m5.4,10 l0,10 l0,0 m0,5.2 l4.8,5.2"},
    {'G', 8.2, "e4.4,5,4.4,5,48,328 l8.2,4.7 l5.2,4.7"},
    {'H', 7, "m0,0 l0,10 m7,0 l7,10 m0,5.2 l7,5.2"},
    {'I', 0, "m0,0 l0,10"},
    {'J', 4.2, "m4.2,10 l4.2,2.6 a2.1,2.6,2.1,2.6,0,-165"},
    {'K', 6.6, "m0,0 l0,10 m6.2,10 l0,3.6 m2.2,5.9 l6.6,0"},
    {'L', 5.2, "m0,10 l0,0 l5.2,0"},
    {'M', 8.4, "m0,0 l0,10 l4.2,2.6 l8.4,10 l8.4,0"},
    {'N', 7, "m0,0 l0,10 l7,0 l7,10"},
    {'O', 9, "e4.5,5,4.5,5,0,360"},
    {'P', 6, "m0,0 l0,10 l3.3,10 a3.3,7.2,2.8,2.8,90,-90 l0,4.4"},
    {'Q', 9, "e4.5,5,4.5,5,0,360 m5.6,2.6 l8.4,-0.6"},
    {'R', 6.4, "m0,0 l0,10 l3.3,10 a3.3,7.2,2.8,2.8,90,-90 l0,4.4 m3.4,4.4 l6.4,0"},
    {'S', 6.4, "e3.2,7.6,2.9,2.4,35,270 a3.2,2.6,3.2,2.6,90,-150"},
    {'T', 7, "m0,10 l7,10 m3.5,10 l3.5,0"},
    {'U', 7, "m0,10 l0,3.4 a3.5,3.4,3.5,3.4,180,360 l7,10"},
    {'V', 7.2, "m0,10 l3.6,0 l7.2,10"},
    {'W', 10.4, "m0,10 l2.6,0 l5.2,9.4 l7.8,0 l10.4,10"},
    {'X', 6.6, "m0,10 l6.6,0 m6.6,10 l0,0"},
    {'Y', 6.8, "m0,10 l3.4,4.8 l6.8,10 m3.4,4.8 l3.4,0"},
    {'Z', 6.4, "m0.2,10 l6.2,10 l0,0 l6.4,0"},
    {'[', 1.8, "m1.8,11 l0,11 l0,-2 l1.8,-2"},
    {'\\', 4.4, "m0,10.6 l4.4,-1.6"},
    {']', 1.8, "m0,11 l1.8,11 l1.8,-2 l0,-2"},
    {'^', 4.4, "m0,7 l2.2,10 l4.4,7"},
    {'_', 5.6, "m0,-1.6 l5.6,-1.6"},
    {'`', 1.4, "m0,10.4 l1.4,8.6"},
    {'a', 5.8, "e2.9,3.5,2.9,3.5,0,360 m5.8,7 l5.8,0"},
    {'b', 5.8, "m0,10.4 l0,0 e2.9,3.5,2.9,3.5,0,360"},
    {'c', 5.2, "e3,3.5,3,3.5,48,312"},
    {'d', 5.8, "m5.8,10.4 l5.8,0 e2.9,3.5,2.9,3.5,0,360"},
    {'e', 5.8, "m0.1,3.7 l5.8,3.7 a2.95,3.5,2.9,3.5,3,312"},
    {'f', 3.6, "e3.5,8.4,2,2,85,180 l1.5,0 m0,6.9 l3.4,6.9"},
    {'g', 5.8, "e2.9,3.5,2.9,3.5,0,360 m5.8,7 l5.8,0 a2.9,0,2.9,3,0,-150"},
    {'h', 5.4, "m0,10.4 l0,0 m0,4 a2.7,4.1,2.7,2.9,180,0 l5.4,0"},
    {'i', 0, "m0,7 l0,0 m0,9.8 l0,9.7"},
    {'j', 1.6, "m1.6,7 l1.6,-1.2 a-0.1,-1.2,1.7,1.8,0,-95 m1.6,9.8 l1.6,9.7"},
    {'k', 5, "m0,10.4 l0,0 m4.7,7 l0,2.6 m1.7,4.1 l5,0"},
    {'l', 0, "m0,10.4 l0,0"},
    {'m', 9, "m0,7 l0,0 m0,4 a2.25,4.4,2.25,2.6,180,0 l4.5,0 m4.5,4 a6.75,4.4,2.25,2.6,180,0 l9,0"},
    {'n', 5.4, "m0,7 l0,0 m0,4 a2.7,4.1,2.7,2.9,180,0 l5.4,0"},
    {'o', 6.2, "e3.1,3.5,3.1,3.5,0,360"},
    {'p', 5.8, "m0,7 l0,-3 e2.9,3.5,2.9,3.5,0,360"},
    {'q', 5.8, "m5.8,7 l5.8,-3 e2.9,3.5,2.9,3.5,0,360"},
    {'r', 3.2, "m0,7 l0,0 m0,4 a2.5,4.1,2.5,2.9,180,75"},
    {'s', 4.8, "e2.4,5.3,2.1,1.7,35,270 a2.4,1.8,2.4,1.8,90,-150"},
    {'t', 3.4, "m1.5,9.2 l1.5,1.8 a3.2,1.8,1.7,1.8,180,285 m0,6.9 l3.4,6.9"},
    {'u', 5.4, "m0,7 l0,2.9 a2.7,2.9,2.7,2.9,180,360 m5.4,7 l5.4,0"},
    {'v', 5.6, "m0,7 l2.8,0 l5.6,7"},
    {'w', 8.4, "m0,7 l2.1,0 l4.2,6.6 l6.3,0 l8.4,7"},
    {'x', 5.2, "m0,7 l5.2,0 m5.2,7 l0,0"},
    {'y', 5.6, "m0,7 l2.9,0 m5.6,7 l2.4,-1.4 a0.9,-0.9,1.6,2,-20,-100"},
    {'z', 5, "m0.2,7 l4.8,7 l0,0 l5,0"},
    {'{', 2.6, "m2.6,11 a2.6,9.6,1.3,1.4,90,180 l1.3,6 l0,4.5 l1.3,3 l1.3,-0.6 a2.6,-0.6,1.3,1.4,180,270"},
    {'|', 0, "m0,11 l0,-2"},
    {'}', 2.6, "m0,11 a0,9.6,1.3,1.4,90,0 l1.3,6 l2.6,4.5 l1.3,3 l1.3,-0.6 a0,-0.6,1.3,1.4,0,-90"},
    {'~', 6, "e1.5,4.2,1.5,1.4,180,0 a4.5,4.2,1.5,1.4,180,360"},
    {U'\u00b1', 6, "m3,8.6 l3,2.8 m0,5.7 l6,5.7 m0,0.2 l6,0.2"},
    {U'\u00b7', 0, "m0,4.6 l0,4.5"},
    {U'\u00d7', 4.6, "m0,7 l4.6,2.2 m4.6,7 l0,2.2"},
    {U'\u2013', 5.6, "m0,3.8 l5.6,3.8"},
    {U'\u03bb', 5.6, "m0,10.2 l1.4,10.2 l5.6,0 m2.9,6.6 l0,0"},
    {U'\ufffd', 5, "m0,0 l0,10 l5,10 l5,0 l0,0"}};

constexpr double kGlyphGap = 2.5;    // between glyphs
constexpr double kUnit = 0.72 / 10;  // font sizes per unit: a capital is 0.72 of the size
constexpr double kArcStep = 15;      // degrees

const Glyph& glyph_of(char32_t code) {
  for (const Glyph& glyph : kGlyphs) {
    if (glyph.code == code) return glyph;
  }
  return kGlyphs[std::size(kGlyphs) - 1];
}

// The next character of UTF-8 text; U+FFFD for what is not.
char32_t next_character(std::string_view& text) {
  const uint8_t lead = uint8_t(text[0]);
  const size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 1;
  char32_t code = length == 1 ? (lead < 0x80 ? lead : 0xfffd) : lead & (0x7f >> length);
  for (size_t i = 1; i < length && i < text.size(); ++i) code = code << 6 | (uint8_t(text[i]) & 0x3f);
  text.remove_prefix(std::min(length, text.size()));
  return code;
}

// Appends the glyph's strokes, moved to `x` and scaled.
void add_glyph(const Glyph& glyph, double x, double unit, std::vector<std::vector<Point>>& strokes) {
  auto add = [&](double px, double py) { strokes.back().push_back({(x + px) * unit, -py * unit}); };
  for (const char* at = glyph.path; *at;) {
    const char command = *at++;
    double v[6];
    const int count = command == 'm' || command == 'l' ? 2 : 6;
    for (int i = 0; i < count; ++i) {
      char* end;
      v[i] = std::strtod(at, &end);
      at = *end ? end + 1 : end;  // over the comma or the space
    }
    if (command == 'm' || command == 'e') strokes.emplace_back();
    if (count == 2) {
      add(v[0], v[1]);
      continue;
    }
    const int steps = std::max(1, int(std::ceil(std::abs(v[5] - v[4]) / kArcStep)));
    for (int i = 0; i <= steps; ++i) {
      const double angle = (v[4] + (v[5] - v[4]) * i / steps) * std::numbers::pi / 180;
      add(v[0] + v[2] * std::cos(angle), v[1] + v[3] * std::sin(angle));
    }
  }
}

}  // namespace

double text_width(std::string_view text, double size) {
  double width = 0;
  while (!text.empty()) width += glyph_of(next_character(text)).width + kGlyphGap;
  return std::max(0.0, width - kGlyphGap) * kUnit * size;
}

std::vector<std::vector<Point>> text_strokes(std::string_view text, double size) {
  std::vector<std::vector<Point>> strokes;
  double x = 0;
  while (!text.empty()) {
    const Glyph& glyph = glyph_of(next_character(text));
    add_glyph(glyph, x, kUnit * size, strokes);
    x += glyph.width + kGlyphGap;
  }
  return strokes;
}

}  // namespace crc::apps
