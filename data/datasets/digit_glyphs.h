// The strokes of the digits 0-9 in three typefaces, in a box of 1 x 1 (x right, y down).
#pragma once

#include <array>
#include <vector>

namespace crc::data {

struct Point {
  float x, y;
};
struct Segment {
  Point a, b;
};
using Glyph = std::vector<Segment>;

enum Typeface { kRound, kSerif, kSevenSegment, kTypefaces };

class Glyphs {
 public:
  Glyphs();
  const Glyph& operator()(Typeface face, int digit) const { return glyphs_[face][digit]; }

 private:
  std::array<std::array<Glyph, 10>, kTypefaces> glyphs_;
};

}  // namespace crc::data
