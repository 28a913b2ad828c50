// CTAugment's cutout: a grey square about a centre that the policy draws (the image's, unless it says otherwise), cut
// at the borders. An odd side covers one pixel less, as there.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct CutoutSquare {
  static constexpr Parameter parameter{"side of a grey square in pixels, rounded down to even", 0, 8192};
  static constexpr Needs needs = Needs::nothing;
  int half, cx, cy;

  CRC_HD CutoutSquare(double side, const Image& image, const Stats&)
      : half(int(side) / 2), cx(image.width / 2), cy(image.height / 2) {}
  CRC_HD void move_to(int x, int y) { cx = x, cy = y; }
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    const bool covered = x >= cx - half && x < cx + half && y >= cy - half && y < cy + half;
    return covered ? Pixel{{127, 127, 127}, 255} : image(x, y);
  }
};

}  // namespace crc::augment
