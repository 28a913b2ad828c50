#include "data/datasets/digit_glyphs.h"

#include <sstream>
#include <string>

#include "kernels/core/error.h"

namespace crc::data {
namespace {

// M x y          begin a stroke            L x y   line to
// A cx cy rx ry from to   begin a stroke with an elliptic arc;  a ...   line to the arc's start, then the arc
// Hundredths of the box; angles in steps of 15 degrees, clockwise from the right.
constexpr const char* kStrokes[kTypefaces][10] = {
    {"A 50 50 28 42 0 24",                                              // 0
     "M 35 25 L 55 8 L 55 92",                                          // 1
     "A 50 32 26 24 12 25 L 25 92 L 78 92",                             // 2
     "A 46 29 25 21 13 30 a 46 71 28 21 18 34",                         // 3
     "M 62 92 L 62 8 L 20 65 L 82 65",                                  // 4
     "M 74 8 L 32 8 L 29 45 a 48 65 27 27 15 33",                       // 5
     "A 50 66 26 26 0 24 M 25 62 a 62 50 38 43 12 17",                  // 6
     "M 22 8 L 78 8 L 42 92",                                           // 7
     "A 50 28 22 20 0 24 A 50 70 27 22 0 24",                           // 8
     "A 50 34 26 26 0 24 M 75 38 a 38 50 38 43 0 5"},                   // 9
    {"A 50 50 28 42 0 24 M 35 72 L 65 28",                              // 0
     "M 35 25 L 55 8 L 55 92 M 33 92 L 77 92",                          // 1
     "A 50 30 25 22 12 24 L 60 62 L 45 78 a 34 80 11 10 0 24 L 80 92",  // 2
     "M 24 8 L 76 8 L 46 42 a 46 67 28 25 18 34",                       // 3
     "M 30 8 L 25 55 L 78 55 M 66 8 L 66 92",                           // 4
     "M 74 8 L 32 8 L 29 45 a 48 65 27 27 15 33",                       // 5
     "A 50 66 26 26 0 24 M 27 58 L 55 8",                               // 6
     "M 22 8 L 78 8 L 42 92 M 32 50 L 70 50",                           // 7
     "A 50 28 22 20 0 24 A 50 70 27 22 0 24",                           // 8
     "A 50 34 26 26 0 24 M 76 34 L 70 92"},                             // 9
    {"M 25 10 L 75 10 L 75 90 L 25 90 L 25 10",                         // 0
     "M 75 10 L 75 90",                                                 // 1
     "M 25 10 L 75 10 L 75 50 L 25 50 L 25 90 L 75 90",                 // 2
     "M 25 10 L 75 10 L 75 90 L 25 90 M 25 50 L 75 50",                 // 3
     "M 25 10 L 25 50 L 75 50 M 75 10 L 75 90",                         // 4
     "M 75 10 L 25 10 L 25 50 L 75 50 L 75 90 L 25 90",                 // 5
     "M 75 10 L 25 10 L 25 90 L 75 90 L 75 50 L 25 50",                 // 6
     "M 25 10 L 75 10 L 75 90",                                         // 7
     "M 25 10 L 75 10 L 75 90 L 25 90 L 25 10 M 25 50 L 75 50",         // 8
     "M 75 50 L 25 50 L 25 10 L 75 10 L 75 90 L 25 90"},                // 9
};

// Cosine of 0, 15, ..., 90 degrees: literals, because the last bit of libm's cos differs between machines.
constexpr float kCos[] = {1.0f, 0.96592583f, 0.86602540f, 0.70710678f, 0.5f, 0.25881905f, 0.0f};

float cos15(int step) {
  step %= 24;
  if (step > 12) step = 24 - step;
  return step <= 6 ? kCos[step] : -kCos[12 - step];
}
float sin15(int step) { return cos15(step + 18); }

class Pen {
 public:
  void move(Point p) { at_ = p; }
  void line(Point p) {
    glyph_.push_back({at_, p});
    at_ = p;
  }
  void arc(Point center, Point radius, int from, int to, bool joined) {
    for (int step = from; step <= to; ++step) {
      const Point p{center.x + radius.x * cos15(step), center.y + radius.y * sin15(step)};
      if (step == from && !joined)
        move(p);
      else
        line(p);
    }
  }
  Glyph take() { return std::move(glyph_); }

 private:
  Glyph glyph_;
  Point at_{};
};

Glyph parse(const std::string& strokes) {
  std::istringstream in(strokes);
  const auto point = [&in] {
    int x = 0, y = 0;
    in >> x >> y;
    return Point{float(x) * 0.01f, float(y) * 0.01f};
  };
  Pen pen;
  for (char command; in >> command;) {
    if (command == 'M') {
      pen.move(point());
    } else if (command == 'L') {
      pen.line(point());
    } else {
      const Point center = point(), radius = point();
      int from = 0, to = 0;
      in >> from >> to;
      pen.arc(center, radius, from, to, command == 'a');
    }
    if (!in) fail_internal("digit strokes: cannot read \"" + strokes + "\"");
  }
  return pen.take();
}

}  // namespace

Glyphs::Glyphs() {
  for (int face = 0; face < kTypefaces; ++face)
    for (int digit = 0; digit < 10; ++digit) glyphs_[face][digit] = parse(kStrokes[face][digit]);
}

}  // namespace crc::data
