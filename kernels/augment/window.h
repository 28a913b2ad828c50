// Flip and padded crop: which pixel of an image an output pixel shows.
#pragma once

#include "kernels/augment/augment_batch.h"
#include "kernels/augment/op.h"

namespace crc::augment {

struct Window {
  int dx, dy;  // offset of the crop, -crop_pad..crop_pad
  bool flip;
  Padding padding;

  // The flipped image is padded and cropped at (dx, dy). False where zero padding shows.
  CRC_HD bool source(int& x, int& y, int width, int height) const {
    x += dx, y += dy;
    if (padding == Padding::reflect) {
      x = reflected(x, width), y = reflected(y, height);
    } else if (x < 0 || x >= width || y < 0 || y >= height) {
      return false;
    }
    if (flip) x = width - 1 - x;
    return true;
  }

 private:
  // The edge is not repeated: -1 shows 1.
  CRC_HD static int reflected(int i, int n) { return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i; }
};

// Words of `draws`: flip, dx, dy, all always taken. With crop_per_batch dx, dy are the first two words of item -1.
CRC_HD Window draw_window(const AugmentConfig& config, Draws& draws, int64_t step) {
  const uint32_t offsets = 2 * uint32_t(config.crop_pad) + 1;
  Window window;
  window.flip = draws.coin() && config.flip;
  window.dx = int(draws.below(offsets)) - config.crop_pad;
  window.dy = int(draws.below(offsets)) - config.crop_pad;
  window.padding = config.padding;
  if (config.crop_per_batch) {
    Draws shared(config.seed, config.purpose, -1, step);
    window.dx = int(shared.below(offsets)) - config.crop_pad;
    window.dy = int(shared.below(offsets)) - config.crop_pad;
  }
  return window;
}

}  // namespace crc::augment
