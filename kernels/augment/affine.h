// Pillow's nearest-neighbour affine transform in 16.16 fixed point: output pixel (x, y) shows the source at
// (a x + b y + c, d x + e y + f), both taken at pixel centres; outside the source it is black and uncovered.
// Exact while coordinates stay within +-32767 (Pillow goes on in floating point beyond).
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

struct Affine {
  int32_t xx, xy, x0, yx, yy, y0;

  CRC_HD Affine(double a, double b, double c, double d, double e, double f)
      : xx(fixed(a)),
        xy(fixed(b)),
        x0(fixed(c + a * 0.5 + b * 0.5)),
        yx(fixed(d)),
        yy(fixed(e)),
        y0(fixed(f + d * 0.5 + e * 0.5)) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    return image.or_uncovered((x0 + x * xx + y * xy) >> 16, (y0 + x * yx + y * yy) >> 16);
  }

 private:
  CRC_HD static int32_t fixed(double v) { return int32_t(floor(v * 65536.0 + 0.5)); }
};

}  // namespace crc::augment
