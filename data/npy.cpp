#include "data/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "kernels/core/error.h"
#include "kernels/core/half.h"

namespace crc::data {
namespace {

struct Half {
  uint16_t bits;
};

struct Bfloat {
  uint16_t bits;
};

float to_float(Bfloat b) { return std::bit_cast<float>(uint32_t(b.bits) << 16); }
float to_float(Half h) { return half_to_float(h.bits); }

template <class To, class From> To convert(From value) {
  if constexpr (std::same_as<From, Half> || std::same_as<From, Bfloat>)
    return convert<To>(to_float(value));
  else if constexpr (std::floating_point<From> && std::integral<To>)
    fail_internal("read_rows: floats are not read as integers");
  else if constexpr (std::same_as<From, uint64_t> && std::same_as<To, int64_t>)
    return To(std::min(value, uint64_t(std::numeric_limits<int64_t>::max())));
  else
    return To(value);
}

// Calls f with an element of the stored type.
template <class F> void visit(NpyType type, F&& f) {
  switch (type) {
    case NpyType::bf16:
      return f(Bfloat{});
    case NpyType::f16:
      return f(Half{});
    case NpyType::f32:
      return f(float{});
    case NpyType::f64:
      return f(double{});
    case NpyType::i8:
      return f(int8_t{});
    case NpyType::i16:
      return f(int16_t{});
    case NpyType::i32:
      return f(int32_t{});
    case NpyType::i64:
      return f(int64_t{});
    case NpyType::u16:
      return f(uint16_t{});
    case NpyType::u32:
      return f(uint32_t{});
    case NpyType::u64:
      return f(uint64_t{});
    case NpyType::u8:
    case NpyType::boolean:
      return f(uint8_t{});
  }
}

constexpr int64_t kTile = 64;  // rows whose columns are gathered together, so that what is written stays in the cache

}  // namespace

bool NpyArray::stands_as(NpyType wanted) const {
  const bool aligned = reinterpret_cast<uintptr_t>(bytes.data()) % uintptr_t(npy_item_bytes(type)) == 0;
  return type == wanted && !fortran_order && aligned;
}

void NpyArray::require(NpyType wanted) const {
  if (stands_as(wanted) || (type == NpyType::boolean && wanted == NpyType::u8)) return;
  fail(ExitCode::config, fmt::format("the array is {}, and {} in C order is needed: convert it with "
                                     "numpy.ascontiguousarray(array).astype(\"{}\")",
                                     describe(), npy_descr(wanted), npy_descr(wanted)));
}

std::string NpyArray::describe() const {
  std::string extents;
  for (int64_t extent : shape) extents += fmt::format("{}{}", extents.empty() ? "" : ",", extent);
  return fmt::format("[{}] {}{}", extents, npy_descr(type), fortran_order ? " in Fortran order" : "");
}

template <class T> void NpyArray::read_rows(int64_t begin, int64_t end, T* out) const {
  if (shape.empty() || shape.size() > 2 || begin < 0 || end < begin || end > shape[0])
    fail_internal(fmt::format("read_rows [{},{}) of {}", begin, end, describe()));
  const int64_t rows = shape[0], width = shape.size() == 2 ? shape[1] : 1;
  const int64_t row_step = fortran_order ? 1 : width, column_step = fortran_order ? rows : 1;
  visit(type, [&](auto element) {
    const auto load = [&](int64_t row, int64_t column) {
      std::memcpy(&element, bytes.data() + size_t(row * row_step + column * column_step) * sizeof element,
                  sizeof element);
      return convert<T>(element);
    };
    if (!fortran_order) {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t column = 0; column < width; ++column) *out++ = load(row, column);
      return;
    }
    for (int64_t tile = begin; tile < end; tile += kTile)
      for (int64_t column = 0; column < width; ++column)
        for (int64_t row = tile; row < std::min(end, tile + kTile); ++row)
          out[(row - begin) * width + column] = load(row, column);
  });
}
template void NpyArray::read_rows(int64_t, int64_t, float*) const;
template void NpyArray::read_rows(int64_t, int64_t, double*) const;
template void NpyArray::read_rows(int64_t, int64_t, int64_t*) const;

NpyArray decode_npy(std::span<const uint8_t> file, const Path& path) {
  NpyArray array{decode_npy_header(file, path), {}, {}};
  const auto copy = std::make_shared<const Bytes>(file.begin() + array.begin, file.end());
  array.bytes = *copy;
  array.owner = copy;
  return array;
}

NpyArray read_npy(const Path& path) {
  const MappedFile file = map_file(path);
  NpyArray array{decode_npy_header(file.bytes, path), {}, file.owner};
  array.bytes = file.bytes.subspan(size_t(array.begin));
  return array;
}

Bytes encode_npy(NpyType type, std::span<const int64_t> shape, std::span<const uint8_t> elements) {
  const std::string header = encode_npy_header(type, shape);
  int64_t expected = npy_item_bytes(type);
  for (int64_t extent : shape) expected *= extent;
  if (expected != int64_t(elements.size()))
    fail_internal(
        fmt::format("encode_npy: {} bytes of elements, and the shape asks for {}", elements.size(), expected));
  Bytes bytes(header.begin(), header.end());
  bytes.insert(bytes.end(), elements.begin(), elements.end());
  return bytes;
}

}  // namespace crc::data
