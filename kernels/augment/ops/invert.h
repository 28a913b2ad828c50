// PIL.ImageOps.invert.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct Invert {
  static constexpr Parameter parameter = kNoParameter;
  static constexpr Needs needs = Needs::nothing;

  CRC_HD Invert(double, const Image&, const Stats&) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    const Pixel p = image(x, y);
    return {{uint8_t(255 - p.c[0]), uint8_t(255 - p.c[1]), uint8_t(255 - p.c[2])}, 255};
  }
};

}  // namespace crc::augment
