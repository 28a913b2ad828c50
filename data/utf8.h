// Text that names things (classes, keys) is UTF-8; names of files may be any bytes.
#pragma once

#include <cstdint>
#include <string_view>

namespace crc::data {

// Bytes of the character that `text` begins with: 1 to 4, or 0 where it is not UTF-8 (RFC 3629: shortest form, no
// surrogates, up to U+10FFFF).
inline size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const uint8_t first = uint8_t(text[0]);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  uint32_t code = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((uint8_t(text[i]) & 0xc0) != 0x80) return 0;
    code = code << 6 | (uint8_t(text[i]) & 0x3f);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  return code < kLeast[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : length;
}

inline bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace crc::data
