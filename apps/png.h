// The one place where apps encode a PNG.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace crc::apps {

std::string encode_png(std::span<const uint8_t> rgb, int width, int height);  // rgb [height, width, 3]

}  // namespace crc::apps
