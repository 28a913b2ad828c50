// Image files of any kind that is read, and how images of any size become one size.
#pragma once

#include <string>
#include <vector>

#include "data/png.h"

namespace crc::data {

// By what the file holds: PNG or JPEG. `least` as decode_jpeg. Errors: those of decode_png and decode_jpeg.
RgbImage decode_image(std::span<const uint8_t> bytes, const Path& path, int64_t least = 0);

// How an image that is not square becomes one: its largest central square; the whole of it, out of shape; the whole of
// it between black bars.
inline const std::vector<std::string> kCrops{"center", "stretch", "pad"};
enum class Crop : uint8_t { center, stretch, pad };

// [side, side, 3]: each pixel is the mean of the area that it covers, exact but for rounding to the nearest (halves
// up), so the same everywhere. An image of that size stays as it is.
RgbImage resize(RgbImage image, int64_t side, Crop crop);

}  // namespace crc::data
