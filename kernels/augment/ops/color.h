// PIL.ImageEnhance.Color: blends with the image in grey.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct Color {
  static constexpr Parameter parameter = kFactor;
  static constexpr Needs needs = Needs::nothing;
  float factor;

  CRC_HD Color(double value, const Image&, const Stats&) : factor(float(value)) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    Pixel p = image(x, y);
    const uint8_t l = grey(p);
    for (uint8_t& v : p.c) v = blend(l, v, factor);
    return p;
  }
};

}  // namespace crc::augment
