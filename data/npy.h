// Arrays in NumPy's .npy files. What numpy.save writes is read, in C and Fortran order; what is written here, NumPy
// loads. Numbers are little-endian.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/npy_header.h"

namespace crc::data {

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

struct NpyArray : NpyHeader {
  std::span<const uint8_t> bytes;     // of the elements, as they stand in the file
  std::shared_ptr<const void> owner;  // of the bytes

  // The elements where they stand, if they are of type T, in C order and aligned: no copy.
  template <NpyElement T> std::optional<std::span<const T>> in_place() const {
    if (!stands_as(npy_type<T>())) return std::nullopt;
    return std::span(reinterpret_cast<const T*>(bytes.data()), size_t(size()));
  }
  // The same for those who need T and nothing else; uint8_t also reads booleans. Error: config.
  template <NpyElement T> std::span<const T> as() const {
    require(npy_type<T>());
    return {reinterpret_cast<const T*>(bytes.data()), size_t(size())};
  }
  // Rows [begin,end) of the first dimension, converted and in C order; integers beyond int64_t become its largest. One
  // or two dimensions. T: float, double or int64_t.
  template <class T> void read_rows(int64_t begin, int64_t end, T* out) const;

  // Its elements are the upper halves of float32: bf16, as torch's tensor.view(torch.uint16) gives it. Of u16 alone.
  void read_as_bf16() { type = NpyType::bf16; }

  std::string describe() const;  // "[1000,512] <f4", "[1000,512] <f4 in Fortran order"

 private:
  bool stands_as(NpyType wanted) const;
  void require(NpyType wanted) const;
};

// Maps the file: elements are read from disk when they are used. Error: input_missing, corrupt_data.
NpyArray read_npy(const Path& path);
NpyArray decode_npy(std::span<const uint8_t> file, const Path& path);  // copies the elements

Bytes encode_npy(NpyType type, std::span<const int64_t> shape, std::span<const uint8_t> elements);

template <NpyElement T> Bytes encode_npy(std::span<const T> elements, std::span<const int64_t> shape) {
  return encode_npy(npy_type<T>(), shape, {reinterpret_cast<const uint8_t*>(elements.data()), elements.size_bytes()});
}

}  // namespace crc::data
