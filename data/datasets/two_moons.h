// Two interleaved half circles in the plane, for figures of decision boundaries. A point is an image: a soft dot on a
// canvas of 16x20 pixels, so that everything that trains on images trains on it, and a random crop is a random
// displacement of the point, which is what consistency methods perturb. Items 0 to 3 of the training set lie on the
// arcs, two per class, away from where the classes meet: the pivots.
#pragma once

#include "data/dataset.h"

namespace crc::data {

struct MoonPoint {
  double x, y;
  int32_t label;
};

constexpr int64_t kMoonHeight = 16, kMoonWidth = 20, kMoonPivots = 4;
constexpr double kMoonNoise = 0.1;                   // standard deviation around the arcs
constexpr double kMoonPixel = 0.2;                   // side of a pixel
constexpr double kMoonLeft = -1.5, kMoonTop = 1.85;  // the canvas's corner; y points up

enum class MoonSplit : uint32_t { train, test };
// Item i of a split: a pure function of its arguments. `noise`: 0 for points on the arcs themselves.
MoonPoint moon_point(uint32_t seed, MoonSplit split, int64_t i, double noise);

// The image of a point: pixels [16,20,3].
void render_moon_point(double x, double y, uint8_t* pixels);

}  // namespace crc::data
