// PNGs as text: to be written, or to stand inside a page.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace crc::apps {

std::string encode_png(std::span<const uint8_t> rgb, int width, int height);  // rgb [height, width, 3]
std::string data_uri(const std::string& kind, std::string_view bytes);        // "data:image/jpeg;base64,..."
std::string data_uri_png(std::string_view bytes);                             // of kind "image/png"

}  // namespace crc::apps
