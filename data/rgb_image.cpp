#include "data/rgb_image.h"

#include <fmt/format.h>

#include <cstring>

#include "kernels/core/error.h"

namespace crc::data {
namespace {

uint32_t number(std::span<const uint8_t> bytes, size_t at, int width, bool big) {
  uint32_t value = 0;
  for (int k = 0; k < width; ++k) value |= uint32_t(bytes[at + size_t(k)]) << 8 * (big ? width - 1 - k : k);
  return value;
}

}  // namespace

// TIFF: byte order, 42, where the first directory is; its entries are tag, type, count, value.
int exif_orientation(std::span<const uint8_t> tiff) {
  constexpr uint32_t kOrientation = 0x0112, kShort = 3;
  if (tiff.size() < 8) return 1;
  const bool big = tiff[0] == 'M';
  if ((tiff[0] != 'M' && tiff[0] != 'I') || tiff[1] != tiff[0] || number(tiff, 2, 2, big) != 42) return 1;
  const size_t directory = number(tiff, 4, 4, big);
  if (directory > tiff.size() || tiff.size() - directory < 2) return 1;
  const size_t entries = number(tiff, directory, 2, big);
  for (size_t k = 0; k < entries; ++k) {
    const size_t at = directory + 2 + 12 * k;
    if (at + 12 > tiff.size()) return 1;
    if (number(tiff, at, 2, big) != kOrientation || number(tiff, at + 2, 2, big) != kShort) continue;
    const uint32_t value = number(tiff, at + 8, 2, big);
    return value >= 1 && value <= 8 ? int(value) : 1;
  }
  return 1;
}

RgbImage turned(RgbImage in, int orientation) {
  if (orientation == 1) return in;
  const int64_t h = in.height, w = in.width;
  const bool swapped = orientation >= 5;
  RgbImage out = in;
  out.height = swapped ? w : h, out.width = swapped ? h : w, out.orientation = orientation;
  for (int64_t y = 0; y < out.height; ++y)
    for (int64_t x = 0; x < out.width; ++x) {
      int64_t from_y = swapped ? x : y, from_x = swapped ? y : x;
      if (orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8)
        swapped ? from_x = w - 1 - from_x : from_y = h - 1 - from_y;
      if (orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7)
        swapped ? from_y = h - 1 - from_y : from_x = w - 1 - from_x;
      std::memcpy(&out.pixels[size_t((y * out.width + x) * 3)], &in.pixels[size_t((from_y * w + from_x) * 3)], 3);
    }
  return out;
}

void fail_too_large(const Path& path, int64_t height, int64_t width, const std::string& limit) {
  fail(ExitCode::corrupt_data,
       fmt::format("{}: the image is {} pixels wide and {} high, and at most {} are read; scale "
                   "it down",
                   path.string(), width, height, limit));
}

}  // namespace crc::data
