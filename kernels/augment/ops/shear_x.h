// PIL.Image.transform with AFFINE (1, value, 0, 0, 1, 0): about the corner, not the centre.
#pragma once

#include "kernels/augment/affine.h"

namespace crc::augment {

struct ShearX {
  static constexpr Parameter parameter{"shear, in pixels per row", -1, 1};
  static constexpr Needs needs = Needs::nothing;
  Affine affine;

  CRC_HD ShearX(double value, const Image&, const Stats&) : affine(1, value, 0, 0, 1, 0) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const { return affine(image, x, y); }
};

}  // namespace crc::augment
