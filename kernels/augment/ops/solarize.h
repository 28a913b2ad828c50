// PIL.ImageOps.solarize: inverts values from the threshold on.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct Solarize {
  static constexpr Parameter parameter{"threshold; values from it on are inverted", 0, 256};
  static constexpr Needs needs = Needs::nothing;
  int threshold;

  // For whole values, v < t is v < ceil(t).
  CRC_HD Solarize(double t, const Image&, const Stats&) : threshold(int(ceil(t))) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    Pixel p = image(x, y);
    for (uint8_t& v : p.c) v = v < threshold ? v : uint8_t(255 - v);
    p.covered = 255;
    return p;
  }
};

}  // namespace crc::augment
