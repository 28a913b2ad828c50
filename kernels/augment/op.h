// What an augmentation operation is. An operation is a struct in ops/<name>.h, listed in registry.h:
//
//   struct Posterize {
//     static constexpr Parameter parameter{"bits kept per channel", 1, 8};  // what its value means
//     static constexpr Needs needs = Needs::nothing;                        // statistics of the whole image it reads
//     CRC_HD Posterize(double value, const Image&, const Stats&);           // once per image
//     CRC_HD Pixel operator()(const Image& image, int x, int y) const;      // one output pixel
//   };
//
// The same struct runs in the loop of the CPU and in the kernel of the GPU. Every operation equals Pillow's (9.4) bit
// for bit: integers, fp32 and fp64 as there, no contraction (the flags of the whole project forbid it).
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/core/hd.h"

namespace crc::augment {

// One word per pixel. `covered` is Pillow's alpha in Google's pipeline: 0 where a geometric operation found no source;
// operations that Google runs on RGB set it to 255 again. Only randaugment_google looks at it.
struct alignas(4) Pixel {
  uint8_t c[3];
  uint8_t covered;
};

struct Image {
  const Pixel* pixels;  // [height, width]
  int width, height;

  CRC_HD const Pixel& operator()(int x, int y) const { return pixels[y * width + x]; }
  CRC_HD Pixel or_uncovered(int x, int y) const {
    const bool inside = x >= 0 && x < width && y >= 0 && y < height;
    return inside ? (*this)(x, y) : Pixel{{0, 0, 0}, 0};
  }
};

enum class Needs : uint8_t { nothing, grey_sum, histogram };

// Statistics of an image; only what the operation needs is filled in.
struct Stats {
  uint32_t below[3][256];          // per channel: how many pixels have a smaller value
  uint32_t lowest[3], highest[3];  // per channel: of the values that occur
  uint32_t grey_sum;
};

// An operation's value: its meaning and the range that Pillow and this code agree on. low == high: it has none.
struct Parameter {
  const char* meaning;
  double low, high;
};
inline constexpr Parameter kNoParameter{"", 0, 0};
inline constexpr Parameter kFactor{"factor; 1 leaves the image unchanged", 0, 16};

// Pillow's conversion to "L".
CRC_HD uint8_t grey(const Pixel& p) {
  return uint8_t((p.c[0] * 19595u + p.c[1] * 38470u + p.c[2] * 7471u + 0x8000u) >> 16);
}

// Pillow's Image.blend, in fp32: truncated, and clipped where the factor extrapolates.
CRC_HD uint8_t blend(uint8_t degenerate, uint8_t value, float factor) {
  const float blended = float(degenerate) + factor * float(int(value) - int(degenerate));
  return blended <= 0 ? uint8_t(0) : blended >= 255 ? uint8_t(255) : uint8_t(blended);
}

}  // namespace crc::augment
