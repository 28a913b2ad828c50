// PIL: a border cut off on every side, and the rest scaled back to the size of the image by one of Pillow's filters.
// Pillow's resampling (Resample.c): along the rows, then along the columns, weights of 22 bits, rounded to uint8 after
// each pass. Its sine may differ from libm's in the last place, which 22 bits hide except once in about 1e9 weights.
#pragma once

#include "kernels/augment/op.h"

namespace crc::augment {

enum class Filter : uint8_t { lanczos, bicubic, bilinear, box, hamming };

CRC_HD double support_of(Filter filter) {
  return filter == Filter::lanczos ? 3 : filter == Filter::bicubic ? 2 : filter == Filter::box ? 0.5 : 1;
}
CRC_HD double sinc(double x) {
  if (x == 0) return 1;
  x *= 3.14159265358979323846;
  return sin(x) / x;
}
CRC_HD double weight_of(Filter filter, double x) {
  const double a = -0.5, r = fabs(x), pi = 3.14159265358979323846;
  switch (filter) {
    case Filter::lanczos:
      return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
    case Filter::bicubic:
      if (r < 1) return ((a + 2) * r - (a + 3)) * r * r + 1;
      return r < 2 ? (((r - 5) * r + 8) * r - 4) * a : 0;
    case Filter::bilinear:
      return r < 1 ? 1 - r : 0;
    case Filter::box:
      return x > -0.5 && x <= 0.5 ? 1 : 0;
    case Filter::hamming:
      if (r == 0) return 1;
      return r < 1 ? sin(r * pi) / (r * pi) * (0.54 + 0.46 * cos(r * pi)) : 0;
  }
  return 0;
}

// The pixels that output pixel i of `out` sees of the `in` <= out pixels kept, and their weights.
struct Taps {
  static constexpr int kMax = 7;  // 2 * ceil(support) + 1, support being at most 3: an image is never made smaller
  static constexpr int kBits = 32 - 8 - 2;
  int first, count;
  int32_t weight[kMax];

  CRC_HD Taps(Filter filter, int i, int in, int out) {
    const double support = support_of(filter), centre = (i + 0.5) * (double(in) / out);
    double sum = 0, weights[kMax];
    first = int(centre - support + 0.5);
    first = first < 0 ? 0 : first;
    const int end = int(centre + support + 0.5);
    count = (end > in ? in : end) - first;
    for (int k = 0; k < count; ++k) sum += weights[k] = weight_of(filter, k + first - centre + 0.5);
    for (int k = 0; k < count; ++k) {
      const double scaled = (sum != 0 ? weights[k] / sum : weights[k]) * (1 << kBits);
      weight[k] = int32_t(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
  }
  CRC_HD static uint8_t rounded(int sum) {
    const int v = (sum + (1 << (kBits - 1))) >> kBits;
    return uint8_t(v < 0 ? 0 : v > 255 ? 255 : v);
  }
};

// What is kept of the image; Python rounds halves to even.
struct Kept {
  int x0, y0, width, height;

  CRC_HD Kept(double share, const Image& image)
      : x0(int(rint(share * image.width))),
        y0(int(rint(share * image.height))),
        width(int(rint(image.width * (1 - share))) - x0),
        height(int(rint(image.height * (1 - share))) - y0) {}
};

inline constexpr Parameter kShareCut{"share of the image cut off on every side", 0, 0.25};

template <Filter kFilter> struct Rescale {
  static constexpr Parameter parameter = kShareCut;
  static constexpr Needs needs = Needs::nothing;
  Kept kept;

  CRC_HD Rescale(double share, const Image& image, const Stats&) : kept(share, image) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    const Taps across(kFilter, x, kept.width, image.width), down(kFilter, y, kept.height, image.height);
    int sums[3] = {};
    for (int j = 0; j < down.count; ++j) {
      int row[3] = {};
      for (int i = 0; i < across.count; ++i) {
        const Pixel& p = image(kept.x0 + across.first + i, kept.y0 + down.first + j);
        for (int c = 0; c < 3; ++c) row[c] += p.c[c] * across.weight[i];
      }
      for (int c = 0; c < 3; ++c) sums[c] += Taps::rounded(row[c]) * down.weight[j];
    }
    return {{Taps::rounded(sums[0]), Taps::rounded(sums[1]), Taps::rounded(sums[2])}, 255};
  }
};

struct RescaleNearest {
  static constexpr Parameter parameter = kShareCut;
  static constexpr Needs needs = Needs::nothing;
  Kept kept;

  CRC_HD RescaleNearest(double share, const Image& image, const Stats&) : kept(share, image) {}
  CRC_HD Pixel operator()(const Image& image, int x, int y) const {
    return image(kept.x0 + source(x, kept.width, image.width), kept.y0 + source(y, kept.height, image.height));
  }

 private:
  // Pillow adds up the step: its rounding errors are part of the result.
  CRC_HD static int source(int i, int in, int out) {
    const double step = double(in) / out;
    double at = step * 0.5;
    for (int k = 0; k < i; ++k) at += step;
    return int(at);
  }
};

}  // namespace crc::augment
