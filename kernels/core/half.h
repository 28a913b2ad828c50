// IEEE half precision as bits, for hosts whose compilers have no type of it.
#pragma once

#include <bit>
#include <cstdint>

namespace crc {

// Exact: the exponent's bias is corrected by a power of two, which also turns subnormal halves into normal floats.
inline float half_to_float(uint16_t half) {
  const uint32_t magnitude = uint32_t(half & 0x7fff) << 13, sign = uint32_t(half & 0x8000) << 16;
  const bool finite = (half & 0x7c00) != 0x7c00;
  const uint32_t bits =
      finite ? std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f) : 0x7f800000u | magnitude;
  return std::bit_cast<float>(bits | sign);
}

}  // namespace crc
