// PNG files. Only RGB is written; grey, palette and alpha are read as RGB.
#pragma once

#include <cstdint>
#include <vector>

#include "data/file.h"

namespace crc::data {

struct RgbImage {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> pixels;  // [H,W,3]
  // What the file holds and `pixels` does not: transparency (anywhere), the low byte of 16 bits, more than one frame.
  bool lost_alpha = false, lost_depth = false, lost_frames = false;
};

Bytes encode_png(const RgbImage& image);
// Structure and checksums are verified first. Error: corrupt_data, naming `path`; also for more than 4096 x 4096
// pixels.
RgbImage decode_png(std::span<const uint8_t> bytes, const Path& path);

constexpr int64_t kMostPngBytes = int64_t(1) << 28;  // of a file that is read

// By the name's ending, in capitals or not: .png; .jpg, .jpeg or .jfif; one of these or another usual kind of image.
bool is_png_name(const Path& path);
bool is_jpeg_name(const Path& path);
bool is_image_name(const Path& path);

RgbImage read_png(const Path& path);

}  // namespace crc::data
