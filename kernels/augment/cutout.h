// The Cutouts of the three sources. Sides are half the image's width: 16 (up to 16) pixels at 32.
#pragma once

#include "kernels/augment/ctaugment.h"
#include "kernels/augment/op.h"
#include "kernels/core/random.h"

namespace crc::augment {

// Covers x0..x1, y0..y1, both ends inclusive as PIL.ImageDraw.rectangle; ends may lie outside the image.
struct Cutout {
  int x0, y0, x1, y1;
  Pixel color;

  CRC_HD static Cutout none() { return {0, 0, -1, -1, {}}; }
  CRC_HD bool covers(int x, int y) const { return x >= x0 && x <= x1 && y >= y0 && y <= y1; }
};

// A square about (cx, cy): its low corner is moved inside the image before the far one is formed, so that only the
// right and lower borders shrink it. Inclusive ends make it side + 1 pixels wide. fp64: corner + side must not round
// up.
CRC_HD Cutout square(double cx, double cy, double side, int width, int height, Pixel color) {
  const int x0 = int(fmax(0.0, cx - side / 2)), y0 = int(fmax(0.0, cy - side / 2));
  return {x0, y0, int(fmin(double(width), x0 + side)), int(fmin(double(height), y0 + side)), color};
}

CRC_HD Cutout kekmodel_cutout(Draws& draws, int width, int height) {
  const double cx = width * double(draws.uniform()), cy = height * double(draws.uniform());
  return square(cx, cy, width / 2, width, height, {{127, 127, 127}, 255});
}

// Centres come from NumPy's uniform(low = width, high = 1): in (1, width].
CRC_HD Cutout lee_cutout(Draws& draws, int width, int height) {
  const double side = width * 0.5 * double(draws.uniform());
  const double cx = width + (1 - width) * double(draws.uniform());
  const double cy = height + (1 - height) * double(draws.uniform());
  return side <= 0 ? Cutout::none() : square(cx, cy, side, width, height, {{125, 123, 114}, 255});
}

// CTAugment's last step, at level 1: shrinks at every border.
CRC_HD Cutout ct_cutout(Draws& draws, int width, int height) {
  const int half = ct_cutout_side(1, width, height) / 2;
  const int cx = int(draws.below(uint32_t(width))), cy = int(draws.below(uint32_t(height)));
  return {cx - half, cy - half, cx + half - 1, cy + half - 1, {{127, 127, 127}, 255}};
}

// Shrinks at every border; shows mid-grey.
CRC_HD Cutout google_cutout(Draws& draws, int width, int height) {
  const int half = width / 2 / 2;
  const int cx = int(draws.below(uint32_t(width))), cy = int(draws.below(uint32_t(height)));
  return {cx - half, cy - half, cx + half - 1, cy + half - 1, {{0, 0, 0}, 0}};
}

}  // namespace crc::augment
