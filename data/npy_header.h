// The header of a .npy file: element type, order and shape.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/file.h"

namespace crc::data {

// bf16 is no type of NumPy's: the upper halves of float32, which files hold as uint16 (NpyArray::read_as_bf16). boolean: one byte, 0
// or 1.
enum class NpyType { bf16, f16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64, boolean };

// "<f2", "<f4", "<f8", "|i1", "<i2", ..., "|b1"; "<u2 as bf16"
const char* npy_descr(NpyType type);
int64_t npy_item_bytes(NpyType type);
inline bool is_float(NpyType type) { return type <= NpyType::f64; }
inline bool is_integer(NpyType type) { return type >= NpyType::i8 && type <= NpyType::u64; }

struct NpyHeader {
  NpyType type = NpyType::f32;
  bool fortran_order = false;  // the first index runs fastest
  std::vector<int64_t> shape;  // at most 8 dimensions
  int64_t begin = 0;           // byte of the first element

  int64_t size() const;  // elements
};

// Format versions 1.0, 2.0 and 3.0. `file` is the whole file, which must hold exactly the elements that its header
// says. Error: corrupt_data, also for big-endian numbers and for what is no number (objects, text, records, complex).
NpyHeader decode_npy_header(std::span<const uint8_t> file, const Path& path);

// Version 1.0. Error: internal (more than 8 dimensions, bf16).
std::string encode_npy_header(NpyType type, std::span<const int64_t> shape);

}  // namespace crc::data
