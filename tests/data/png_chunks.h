// PNG files put together by hand, so that they may say anything.
#pragma once

#include <zlib.h>

#include <string>

#include "data/file.h"

namespace crc::test {

inline const data::Bytes kPngSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

// A chunk with its length and checksum.
inline void append_chunk(data::Bytes& png, const std::string& type, const data::Bytes& payload) {
  const auto word = [&](uint32_t value) {
    for (int i = 3; i >= 0; --i) png.push_back(uint8_t(value >> (8 * i)));
  };
  word(uint32_t(payload.size()));
  const size_t at = png.size();
  png.insert(png.end(), type.begin(), type.end());
  png.insert(png.end(), payload.begin(), payload.end());
  word(uint32_t(crc32_z(0, &png[at], png.size() - at)));
}

}  // namespace crc::test
