// PIL.ImageOps.autocontrast (cutoff 0): stretches every channel to [0, 255], in fp64.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct AutoContrast {
  static constexpr Parameter parameter = kNoParameter;
  static constexpr Needs needs = Needs::histogram;
  double scale[3], offset[3];

  CRC_HD AutoContrast(double, const Image&, const Stats& stats) {
    for (int c = 0; c < 3; ++c) {
      const double lowest = stats.lowest[c], highest = stats.highest[c];
      const bool flat = highest <= lowest;
      scale[c] = flat ? 1.0 : 255.0 / (highest - lowest);
      offset[c] = flat ? 0.0 : -lowest * scale[c];
    }
  }
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    Pixel p = image(x, y);
    for (int c = 0; c < 3; ++c) {
      const int v = int(p.c[c] * scale[c] + offset[c]);
      p.c[c] = uint8_t(v < 0 ? 0 : v > 255 ? 255 : v);
    }
    p.covered = 255;
    return p;
  }
};

}  // namespace crc::augment
