#include "apps/draw/png.h"

#include "data/png.h"

namespace crc::apps {

std::string encode_png(std::span<const uint8_t> rgb, int width, int height) {
  const data::Bytes bytes = data::encode_png({height, width, {rgb.begin(), rgb.end()}});
  return {bytes.begin(), bytes.end()};
}

std::string data_uri(const std::string& kind, std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text = "data:" + kind + ";base64,";
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = std::min<size_t>(3, bytes.size() - i);
    uint32_t three = 0;
    for (size_t k = 0; k < 3; ++k) three = three << 8 | (k < left ? uint8_t(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) text += k <= left ? kDigits[three >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string data_uri_png(std::string_view bytes) { return data_uri("image/png", bytes); }

}  // namespace crc::apps
