// PIL.Image.rotate (nearest, no expansion): counter-clockwise about the centre.
// Sine and cosine are computed here, with + and * only, so that every device gets the same bits; they may differ from
// libm's in the last place, which 16.16 fixed point hides except with a probability of about 1e-9 per angle.
#pragma once

#include "kernels/augment/affine.h"

namespace crc::augment {

struct Rotate {
  static constexpr Parameter parameter{"degrees counter-clockwise", -360, 360};
  static constexpr Needs needs = Needs::nothing;
  Affine affine;

  CRC_HD Rotate(double degrees, const Image& image, const Stats&) : affine(about_centre(turn(degrees), image)) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const { return affine(image, x, y); }

 private:
  struct Turn {
    double cosine, sine;
  };

  // Of the angle, reduced exactly to a quadrant and then to [0, 45] degrees; rounded to 15 decimals as Pillow does.
  CRC_HD static Turn turn(double degrees) {
    double rest = fmod(degrees, 360.0);
    if (rest < 0) rest += 360.0;
    const int quadrant = int(rest / 90.0);
    rest -= 90.0 * quadrant;
    const bool upper = rest > 45.0;
    const double t = (upper ? 90.0 - rest : rest) * (3.14159265358979323846 / 180.0), t2 = t * t;
    double sine = 0, cosine = 0;  // Taylor series by Horner's rule; the first omitted terms are below 1e-16
    for (int n = 16; n >= 2; n -= 2) {
      sine = (1.0 - sine) * t2 / double(n * (n + 1));
      cosine = (1.0 - cosine) * t2 / double(n * (n - 1));
    }
    sine = t * (1.0 - sine), cosine = 1.0 - cosine;
    if (upper != (quadrant % 2 == 1)) {
      const double swapped = sine;
      sine = cosine, cosine = swapped;
    }
    if (quadrant == 1 || quadrant == 2) cosine = -cosine;
    if (quadrant >= 2) sine = -sine;
    return {rint(cosine * 1e15) / 1e15, rint(sine * 1e15) / 1e15};
  }

  // Source coordinates turn by the negative angle.
  CRC_HD static Affine about_centre(Turn t, const Image& image) {
    const double a = t.cosine, b = -t.sine, d = t.sine, e = t.cosine;
    const double cx = image.width / 2.0, cy = image.height / 2.0;
    return Affine(a, b, a * -cx + b * -cy + cx, d, e, d * -cx + e * -cy + cy);
  }
};

}  // namespace crc::augment
