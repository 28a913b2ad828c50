// Many small images as one: queried images, previews.
#pragma once

#include <span>

#include "data/png.h"

namespace crc::apps {

struct SheetConfig {
  int64_t columns = 10;
  int64_t scale = 2;  // screen pixels per image pixel
};

// tiles [H,W,3] as a grid in reading order on white, 3 * scale pixels between them.
data::RgbImage contact_sheet(std::span<const std::span<const uint8_t>> tiles, int64_t height, int64_t width,
                             SheetConfig config);

}  // namespace crc::apps
