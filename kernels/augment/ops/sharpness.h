// PIL.ImageEnhance.Sharpness: blends with PIL.ImageFilter.SMOOTH of the image.
#pragma once

#include "kernels/augment/ops/smooth.h"

namespace crc::augment {

struct Sharpness {
  static constexpr Parameter parameter = kFactor;
  static constexpr Needs needs = Needs::nothing;
  Smooth smooth;
  float factor;

  CRC_HD Sharpness(double value, const Image& image, const Stats& stats)
      : smooth(0, image, stats), factor(float(value)) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    const Pixel degenerate = smooth(image, x, y);
    Pixel p = image(x, y);
    for (int c = 0; c < 3; ++c) p.c[c] = blend(degenerate.c[c], p.c[c], factor);
    return p;
  }
};

}  // namespace crc::augment
