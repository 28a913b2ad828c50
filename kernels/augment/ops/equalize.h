// PIL.ImageOps.equalize: makes every channel's histogram flat.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct Equalize {
  static constexpr Parameter parameter = kNoParameter;
  static constexpr Needs needs = Needs::histogram;
  const Stats* stats;
  uint32_t step[3];  // pixels per output value; 0: the channel stays as it is

  CRC_HD Equalize(double, const Image&, const Stats& s) : stats(&s) {
    // All pixels but those of the highest value that occurs are spread over 255 steps.
    for (int c = 0; c < 3; ++c) step[c] = s.below[c][s.highest[c]] / 255;
  }
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    Pixel p = image(x, y);
    for (int c = 0; c < 3; ++c) {
      if (step[c] == 0) continue;
      const uint32_t v = (step[c] / 2 + stats->below[c][p.c[c]]) / step[c];
      p.c[c] = uint8_t(v > 255 ? 255 : v);
    }
    p.covered = 255;
    return p;
  }
};

}  // namespace crc::augment
