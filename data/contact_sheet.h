// Many small images as one: queried images, previews.
#pragma once

#include <span>

#include "data/png.h"

namespace crc::data {

// Colour-blind safe colours (Okabe and Ito, 2008).
enum class Color { none = -1, black, orange, sky_blue, green, yellow, blue, vermilion, purple };

struct Tile {
  std::span<const uint8_t> pixels;  // [H,W,3]
  Color frame = Color::none;
};

struct SheetConfig {
  int64_t columns = 10;
  int64_t scale = 2;  // screen pixels per image pixel
};

// A grid in reading order on white: 3 * scale pixels between tiles, and in them a frame of `scale` pixels where asked
// for.
RgbImage contact_sheet(std::span<const Tile> tiles, int64_t height, int64_t width, SheetConfig config);

}  // namespace crc::data
