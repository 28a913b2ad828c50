#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct Identity {
  static constexpr Parameter parameter = kNoParameter;
  static constexpr Needs needs = Needs::nothing;

  CRC_HD Identity(double, const Image&, const Stats&) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const { return image(x, y); }
};

}  // namespace crc::augment
