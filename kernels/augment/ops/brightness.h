// PIL.ImageEnhance.Brightness: blends with black.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct Brightness {
  static constexpr Parameter parameter = kFactor;
  static constexpr Needs needs = Needs::nothing;
  float factor;

  CRC_HD Brightness(double value, const Image&, const Stats&) : factor(float(value)) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    Pixel p = image(x, y);
    for (uint8_t& v : p.c) v = blend(0, v, factor);
    return p;
  }
};

}  // namespace crc::augment
