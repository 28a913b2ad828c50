// Image files of any kind that is read, and how images of any size become one size.
#pragma once

#include <string>
#include <vector>

#include "data/rgb_image.h"

namespace crc::data {

// By the name's ending, in capitals or not: PNG, JPEG, or an image of a usual kind that nothing here reads.
enum class ImageKind : uint8_t { none, png, jpeg, unread };
ImageKind kind_of_name(const Path& path);

// What is said of an `unread` one, wherever it stands.
inline constexpr const char* kUnreadKind = "of another kind than PNG and JPEG, which cannot be read (convert them)";

// By what the file holds: PNG or JPEG. `least` as decode_jpeg. Errors: those of decode_png and decode_jpeg;
// corrupt_data for what is neither and by its name an image of another kind.
RgbImage decode_image(std::span<const uint8_t> bytes, const Path& path, int64_t least = 0);

// How an image that is not square becomes one: its largest central square; the whole of it, out of shape; the whole of
// it between black bars.
inline const std::vector<std::string> kCrops{"center", "stretch", "pad"};
enum class Crop : uint8_t { center, stretch, pad };
Crop crop_called(const std::string& word);  // one of kCrops

// [side, side, 3]: each pixel is the mean of the area that it covers, exact but for rounding to the nearest (halves
// up), so the same everywhere. An image of that size stays as it is.
RgbImage resize(RgbImage image, int64_t side, Crop crop);

// The same of the whole image, in its shape, where its longer side has more pixels than `longest`.
RgbImage fit_within(RgbImage image, int64_t longest);

}  // namespace crc::data
