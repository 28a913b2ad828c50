// CRC-32 of PNG and ZIP (ISO 3309, reflected polynomial 0xEDB88320).
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace crc::data {

constexpr std::array<uint32_t, 256> kCrc32Table = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  return table;
}();

inline uint32_t crc32(std::span<const uint8_t> bytes) {
  uint32_t c = ~0u;
  for (uint8_t byte : bytes) c = kCrc32Table[(c ^ byte) & 255] ^ (c >> 8);
  return ~c;
}

}  // namespace crc::data
