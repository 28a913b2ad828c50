// Many small images as one: queried images, previews.
#pragma once

#include <span>
#include <vector>

#include "data/png.h"

namespace crc::apps {

struct SheetConfig {
  int64_t columns = 10;
  int64_t scale = 2;  // screen pixels per image pixel
};

inline int64_t sheet_scale(int64_t tile_height) { return tile_height < 32 ? 3 : 2; }  // of a run's sheets

// tiles [H,W,3] as a grid in reading order on white, 3 * scale pixels between them.
data::RgbImage contact_sheet(std::span<const std::span<const uint8_t>> tiles, int64_t height, int64_t width,
                             SheetConfig config);

// The `count` tiles of such a sheet of ten columns again, as they were; empty where it is none of so many.
std::vector<data::RgbImage> tiles_of(const data::RgbImage& sheet, int64_t count);

}  // namespace crc::apps
