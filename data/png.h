// PNG files. Only RGB is written; grey, palette and alpha are read as RGB, turned as their eXIf orientation says.
#pragma once

#include "data/rgb_image.h"

namespace crc::data {

bool is_png(std::span<const uint8_t> bytes);  // begins as one

Bytes encode_png(const RgbImage& image);
// Structure and checksums are verified first. Error: corrupt_data, naming `path`; also for more than kMostPngSide.
RgbImage decode_png(std::span<const uint8_t> bytes, const Path& path);

constexpr int64_t kMostPngBytes = int64_t(1) << 28;  // of a file that is read
constexpr int64_t kMostPngSide = 4096;               // pixels

RgbImage read_png(const Path& path);

}  // namespace crc::data
