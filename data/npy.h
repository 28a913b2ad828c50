// NumPy's .npy files, format version 1.0, little-endian, C order. NumPy loads what is written here and the other way
// round. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/file.h"

namespace crc::data {

enum class NpyType { f32, f64, i32, i64, u8, boolean };  // boolean: one byte, 0 or 1

// "<f4", "<f8", "<i4", "<i8", "|u1", "|b1"
const char* npy_descr(NpyType type);
int64_t npy_item_bytes(NpyType type);

template <class T>
concept NpyElement = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, int32_t> ||
    std::same_as<T, int64_t> || std::same_as<T, uint8_t>;

template <NpyElement T> constexpr NpyType npy_type() {
  if constexpr (std::same_as<T, float>) return NpyType::f32;
  if constexpr (std::same_as<T, double>) return NpyType::f64;
  if constexpr (std::same_as<T, int32_t>) return NpyType::i32;
  if constexpr (std::same_as<T, int64_t>) return NpyType::i64;
  if constexpr (std::same_as<T, uint8_t>) return NpyType::u8;
}

struct NpyArray {
  NpyType type = NpyType::f32;
  std::vector<int64_t> shape;  // at most 8 dimensions
  Bytes bytes;                 // C order

  int64_t size() const;
  // The elements as T, which must be the stored type exactly (uint8_t also reads booleans). Error: config.
  template <NpyElement T> std::span<const T> as() const {
    require(npy_type<T>());
    return {reinterpret_cast<const T*>(bytes.data()), size_t(size())};
  }

 private:
  void require(NpyType wanted) const;
};

// Error: input_missing, corrupt_data (also for Fortran order, big-endian numbers and other types).
NpyArray read_npy(const Path& path);
NpyArray decode_npy(std::span<const uint8_t> bytes, const Path& path);

Bytes encode_npy(NpyType type, std::span<const int64_t> shape, std::span<const uint8_t> elements);

template <NpyElement T> Bytes encode_npy(std::span<const T> elements, std::span<const int64_t> shape) {
  return encode_npy(npy_type<T>(), shape, {reinterpret_cast<const uint8_t*>(elements.data()), elements.size_bytes()});
}
template <NpyElement T> void write_npy(const Path& path, std::span<const T> elements, std::span<const int64_t> shape) {
  write_file(path, encode_npy(elements, shape));
}

}  // namespace crc::data
