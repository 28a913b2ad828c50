// PIL.ImageEnhance.Sharpness: blends with PIL.ImageFilter.SMOOTH of the image.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct Sharpness {
  static constexpr Parameter parameter = kFactor;
  static constexpr Needs needs = Needs::nothing;
  float factor;

  CRC_HD Sharpness(double value, const Image&, const Stats&) : factor(float(value)) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    Pixel p = image(x, y);
    const bool border = x == 0 || y == 0 || x == image.width - 1 || y == image.height - 1;
    if (border) return p;  // SMOOTH copies it
    for (int c = 0; c < 3; ++c) {
      int sum = 4 * p.c[c];  // 3x3 weights 1, centre 5, divisor 13
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) sum += image(x + dx, y + dy).c[c];
      p.c[c] = blend(uint8_t((sum + 6) / 13), p.c[c], factor);
    }
    return p;
  }
};

}  // namespace crc::augment
