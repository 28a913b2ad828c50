// PIL.Image.transform with AFFINE (1, 0, value, 0, 1, 0): nearest source pixel, black where there is none.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct TranslateX {
  static constexpr Parameter parameter{"pixels; positive moves the content left", -8192, 8192};
  static constexpr Needs needs = Needs::nothing;
  int shift;

  CRC_HD TranslateX(double value, const Image&, const Stats&) : shift(int(floor(value + 0.5))) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const { return image.or_uncovered(x + shift, y); }
};

}  // namespace crc::augment
