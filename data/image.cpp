#include "data/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "data/jpeg.h"
#include "data/png.h"
#include "kernels/core/error.h"

namespace crc::data {
namespace {

// The part of an image that counts, or the image in the middle of a larger black one.
RgbImage square(const RgbImage& image, int64_t side) {
  RgbImage out{side, side, std::vector<uint8_t>(size_t(side * side * 3))};
  const int64_t rows = std::min(side, image.height), columns = std::min(side, image.width);
  const auto margin = [&](int64_t extent) {
    return std::pair{std::max<int64_t>(0, (extent - side) / 2), std::max<int64_t>(0, (side - extent) / 2)};
  };
  const auto [from_y, to_y] = margin(image.height);
  const auto [from_x, to_x] = margin(image.width);
  for (int64_t y = 0; y < rows; ++y)
    std::memcpy(&out.pixels[size_t(((to_y + y) * side + to_x) * 3)],
                &image.pixels[size_t(((from_y + y) * image.width + from_x) * 3)], size_t(columns * 3));
  return out;
}

// Source pixels under each of `side` equal parts of an axis, weighted by how much of them: in units of 1/side pixel.
struct Share {
  int64_t first;
  std::vector<int64_t> weights;  // they add up to the axis' length
};
std::vector<Share> shares(int64_t length, int64_t side) {
  std::vector<Share> all;
  for (int64_t i = 0; i < side; ++i) {
    const int64_t begin = i * length, end = begin + length;
    Share share{begin / side, {}};
    for (int64_t s = share.first; s * side < end; ++s)
      share.weights.push_back(std::min(end, (s + 1) * side) - std::max(begin, s * side));
    all.push_back(std::move(share));
  }
  return all;
}

// Each of height x width pixels is the mean of the area that it covers.
RgbImage averaged(RgbImage image, int64_t height, int64_t width) {
  const int64_t h = image.height, w = image.width, area = h * w;
  const std::vector<Share> columns = shares(w, width), rows = shares(h, height);
  std::vector<uint32_t> narrow(size_t(h * width * 3));  // [h, width, 3], sums over w: at most 255 w
  for (int64_t y = 0; y < h; ++y)
    for (int64_t i = 0; i < width; ++i)
      for (size_t k = 0; k < columns[size_t(i)].weights.size(); ++k)
        for (int64_t c = 0; c < 3; ++c)
          narrow[size_t((y * width + i) * 3 + c)] +=
              uint32_t(columns[size_t(i)].weights[k]) *
              image.pixels[size_t((y * w + columns[size_t(i)].first + int64_t(k)) * 3 + c)];
  std::vector<uint8_t> pixels(size_t(height * width * 3));
  std::vector<uint64_t> sums(size_t(width * 3));
  for (int64_t j = 0; j < height; ++j) {
    std::ranges::fill(sums, uint64_t(area) / 2);
    for (size_t k = 0; k < rows[size_t(j)].weights.size(); ++k)
      for (size_t i = 0; i < sums.size(); ++i)
        sums[i] +=
            uint64_t(rows[size_t(j)].weights[k]) * narrow[size_t((rows[size_t(j)].first + int64_t(k)) * width * 3) + i];
    for (size_t i = 0; i < sums.size(); ++i) pixels[size_t(j * width * 3) + i] = uint8_t(sums[i] / uint64_t(area));
  }
  image.pixels = std::move(pixels);
  image.height = height, image.width = width;
  return image;
}

}  // namespace

ImageKind kind_of_name(const Path& path) {
  using enum ImageKind;
  constexpr std::pair<const char*, ImageKind> kEndings[] = {
      {".png", png},    {".jpg", jpeg},    {".jpeg", jpeg},   {".jfif", jpeg},   {".gif", unread},
      {".bmp", unread}, {".webp", unread}, {".tif", unread},  {".tiff", unread}, {".ppm", unread},
      {".pgm", unread}, {".jp2", unread},  {".heic", unread}, {".avif", unread}};
  std::string ending = path.extension().string();
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  for (const auto& [name, kind] : kEndings)
    if (ending == name) return kind;
  return none;
}

RgbImage decode_image(std::span<const uint8_t> bytes, const Path& path, int64_t least) {
  if (is_jpeg(bytes)) return decode_jpeg(bytes, path, least);
  if (!is_png(bytes) && kind_of_name(path) == ImageKind::unread)
    fail(ExitCode::corrupt_data, fmt::format("{}: images {}", path.string(), kUnreadKind));
  return decode_png(bytes, path);
}

Crop crop_called(const std::string& word) { return Crop(std::ranges::find(kCrops, word) - kCrops.begin()); }

RgbImage resize(RgbImage image, int64_t side, Crop crop) {
  if (crop != Crop::stretch && image.height != image.width) {
    const auto [shorter, longer] = std::minmax(image.height, image.width);
    RgbImage cut = square(image, crop == Crop::center ? shorter : longer);
    std::swap(image.pixels, cut.pixels);
    image.height = cut.height, image.width = cut.width;
  }
  if (image.height == side && image.width == side) return image;
  return averaged(std::move(image), side, side);
}

RgbImage fit_within(RgbImage image, int64_t longest) {
  const int64_t longer = std::max(image.height, image.width);
  if (longer <= longest) return image;
  const auto scaled = [&](int64_t side) { return std::max<int64_t>(1, (side * longest + longer / 2) / longer); };
  const int64_t height = scaled(image.height), width = scaled(image.width);
  return averaged(std::move(image), height, width);
}

}  // namespace crc::data
