// PIL.ImageOps.posterize: keeps the highest bits of every channel.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct Posterize {
  static constexpr Parameter parameter{"bits kept per channel, rounded down", 1, 8};
  static constexpr Needs needs = Needs::nothing;
  uint8_t mask;

  CRC_HD Posterize(double bits, const Image&, const Stats&) : mask(uint8_t(0xff00u >> int(bits))) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    const Pixel p = image(x, y);
    return {{uint8_t(p.c[0] & mask), uint8_t(p.c[1] & mask), uint8_t(p.c[2] & mask)}, 255};
  }
};

}  // namespace crc::augment
