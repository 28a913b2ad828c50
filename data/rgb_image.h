// An image in host memory, and what every kind of image file says of it beside its pixels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/file.h"

namespace crc::data {

struct RgbImage {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> pixels;  // [H,W,3]
  // What the file holds and `pixels` does not: transparency (anywhere), the low byte of 16 bits, more than one frame.
  bool lost_alpha = false, lost_depth = false, lost_frames = false;
  int orientation = 1;  // as the file has it, where `pixels` are turned by it
};

// The orientation of Exif 2.3 (tag 0x0112), 1..8, in a TIFF structure: what follows "Exif\0\0" in a JPEG's APP1 segment,
// or all of a PNG's eXIf chunk. 1 where there is none or a broken one.
int exif_orientation(std::span<const uint8_t> tiff);

// The image as it is looked at, of one that lies in its file as `orientation` says.
RgbImage turned(RgbImage image, int orientation);

// Error corrupt_data: a whole image, but larger than `limit` ("4096 pixels a side").
[[noreturn]] void fail_too_large(const Path& path, int64_t height, int64_t width, const std::string& limit);

}  // namespace crc::data
