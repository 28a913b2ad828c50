// PIL.ImageFilter.BLUR: the mean of the 16 pixels around a 5x5 square's edge; a border of two pixels is copied.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct Blur {
  static constexpr Parameter parameter = kNoParameter;
  static constexpr Needs needs = Needs::nothing;

  CRC_HD Blur(double, const Image&, const Stats&) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    Pixel p = image(x, y);
    if (x < 2 || y < 2 || x >= image.width - 2 || y >= image.height - 2) return p;
    for (int c = 0; c < 3; ++c) {
      int sum = 8;
      for (int d = -2; d <= 2; ++d) sum += image(x + d, y - 2).c[c] + image(x + d, y + 2).c[c];
      for (int d = -1; d <= 1; ++d) sum += image(x - 2, y + d).c[c] + image(x + 2, y + d).c[c];
      p.c[c] = uint8_t(sum / 16);
    }
    return p;
  }
};

}  // namespace crc::augment
