// PIL.ImageEnhance.Contrast: blends with the image's mean grey, rounded.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct Contrast {
  static constexpr Parameter parameter = kFactor;
  static constexpr Needs needs = Needs::grey_sum;
  float factor;
  uint8_t mean;

  CRC_HD Contrast(double value, const Image& image, const Stats& stats)
      : factor(float(value)), mean(uint8_t(double(stats.grey_sum) / (double(image.width) * image.height) + 0.5)) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    Pixel p = image(x, y);
    for (uint8_t& v : p.c) v = blend(mean, v, factor);
    return p;
  }
};

}  // namespace crc::augment
