// JPEG files, by libjpeg-turbo: baseline and progressive, grey, YCbCr, RGB and CMYK, turned as their Exif orientation
// says.
#pragma once

#include "data/rgb_image.h"

namespace crc::data {

constexpr int64_t kMostJpegSide = 16384, kMostJpegPixels = int64_t(1) << 27;

bool is_jpeg(std::span<const uint8_t> bytes);  // begins as one

// `least` > 0: it is averaged to pixels that many on its shorter side later on, so a larger image may come at 1/2, 1/4
// or 1/8 of its size, with twice `least` pixels or more: the library then decodes means of blocks, many times faster.
// Errors: corrupt_data, naming `path`: not a JPEG, a cut or damaged one, one of more than kMostJpegPixels.
RgbImage decode_jpeg(std::span<const uint8_t> bytes, const Path& path, int64_t least = 0);

// A baseline JPEG file of it, for people to look at. quality: 1 to 100.
Bytes encode_jpeg(const RgbImage& image, int quality);

}  // namespace crc::data
