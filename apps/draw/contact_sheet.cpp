#include "apps/draw/contact_sheet.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/core/error.h"

namespace crc::apps {
namespace {

void fill(data::RgbImage& image, int64_t top, int64_t left, int64_t height, int64_t width, const uint8_t* rgb) {
  for (int64_t y = top; y < top + height; ++y)
    for (int64_t x = left; x < left + width; ++x) std::copy_n(rgb, 3, &image.pixels[(y * image.width + x) * 3]);
}

}  // namespace

data::RgbImage contact_sheet(std::span<const std::span<const uint8_t>> tiles, int64_t height, int64_t width,
                             SheetConfig config) {
  const int64_t scale = config.scale, gap = 3 * scale,
                columns = std::clamp<int64_t>(config.columns, 1, std::max<int64_t>(tiles.size(), 1));
  const int64_t rows = (int64_t(tiles.size()) + columns - 1) / columns;
  const int64_t step_y = height * scale + gap, step_x = width * scale + gap;
  data::RgbImage sheet{rows * step_y + gap, columns * step_x + gap, {}};
  sheet.pixels.assign(size_t(sheet.height * sheet.width * 3), 255);
  for (size_t i = 0; i < tiles.size(); ++i) {
    const std::span<const uint8_t> tile = tiles[i];
    if (tile.size() != size_t(height * width * 3))
      fail_internal(
          fmt::format("contact_sheet: tile {} has {} bytes; {}x{} RGB expected", i, tile.size(), height, width));
    const int64_t top = int64_t(i) / columns * step_y + gap, left = int64_t(i) % columns * step_x + gap;
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        fill(sheet, top + y * scale, left + x * scale, scale, scale, &tile[(y * width + x) * 3]);
  }
  return sheet;
}

std::vector<data::RgbImage> tiles_of(const data::RgbImage& sheet, int64_t count) {
  const int64_t columns = std::min(SheetConfig().columns, count), rows = (count + 9) / 10;
  std::vector<data::RgbImage> tiles;
  for (const int64_t scale : {3, 2}) {
    const int64_t gap = 3 * scale, inner_y = sheet.height - gap, inner_x = sheet.width - gap;
    if (count < 1 || !tiles.empty() || inner_y % (rows * scale) || inner_x % (columns * scale)) continue;
    const int64_t height = inner_y / rows / scale - 3, width = inner_x / columns / scale - 3;
    if (height < 1 || width < 1 || sheet_scale(height) != scale) continue;
    for (int64_t i = 0; i < count; ++i) {
      data::RgbImage tile{height, width, {}};
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x) {
          const int64_t from_y = gap + i / columns * (height * scale + gap) + y * scale;
          const int64_t from_x = gap + i % columns * (width * scale + gap) + x * scale;
          const auto pixel = sheet.pixels.begin() + (from_y * sheet.width + from_x) * 3;
          tile.pixels.insert(tile.pixels.end(), pixel, pixel + 3);
        }
      tiles.push_back(std::move(tile));
    }
  }
  return tiles;
}

}  // namespace crc::apps
