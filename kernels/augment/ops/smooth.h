// PIL.ImageFilter.SMOOTH: 3x3 weights 1, centre 5, divisor 13; the border is copied.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct Smooth {
  static constexpr Parameter parameter = kNoParameter;
  static constexpr Needs needs = Needs::nothing;

  CRC_HD Smooth(double, const Image&, const Stats&) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    Pixel p = image(x, y);
    if (x == 0 || y == 0 || x == image.width - 1 || y == image.height - 1) return p;
    for (int c = 0; c < 3; ++c) {
      int sum = 4 * p.c[c];
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) sum += image(x + dx, y + dy).c[c];
      p.c[c] = uint8_t((sum + 6) / 13);
    }
    return p;
  }
};

}  // namespace crc::augment
