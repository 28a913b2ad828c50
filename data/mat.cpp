#include "data/mat.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "kernels/core/error.h"

namespace crc::data {
namespace {

constexpr int64_t kHeader = 128, kTag = 8;
constexpr uint32_t kMatrix = 14, kCompressed = 15;  // the elements that a file is a chain of
constexpr uint32_t kInt8 = 1, kUint8 = 2, kInt16 = 3, kUint16 = 4, kInt32 = 5, kUint32 = 6, kFloat32 = 7, kFloat64 = 9;
constexpr int64_t kMostDimensions = 32, kLongestName = 1024;

int64_t bytes_of(uint32_t type) {
  switch (type) {
    case kInt8:
    case kUint8:
      return 1;
    case kInt16:
    case kUint16:
      return 2;
    case kInt32:
    case kUint32:
    case kFloat32:
      return 4;
    case kFloat64:
      return 8;
    default:
      return 0;
  }
}

template <class T> T value_at(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

double number_at(const uint8_t* p, uint32_t type) {
  switch (type) {
    case kInt8:
      return value_at<int8_t>(p);
    case kInt16:
      return value_at<int16_t>(p);
    case kUint16:
      return value_at<uint16_t>(p);
    case kInt32:
      return value_at<int32_t>(p);
    case kUint32:
      return value_at<uint32_t>(p);
    case kFloat32:
      return value_at<float>(p);
    case kFloat64:
      return value_at<double>(p);
    default:
      return value_at<uint8_t>(p);
  }
}

int64_t padded(int64_t bytes) { return (bytes + 7) / 8 * 8; }

void check_header(std::span<const uint8_t> file, const Path& path) {
  const int64_t size = int64_t(file.size());
  if (size >= 8 && std::memcmp(file.data(), "\x89HDF\r\n\x1a\n", 8) == 0)
    fail_at(path, 0, "an HDF5 file", "a MATLAB 5 file; in MATLAB: save(..., '-v7')");
  if (size < kHeader) fail_at(path, 0, fmt::format("{} bytes", size), "the 128-byte header of a MATLAB 5 file");
  const uint16_t version = value_at<uint16_t>(&file[124]), endian = value_at<uint16_t>(&file[126]);
  if (version != 0x0100 || endian != 0x4d49)  // "IM" in memory
    fail_at(path, 124, fmt::format("version {:04x}, byte order {:04x}", version, endian),
            "0100 and 4d49 (MATLAB 5, little-endian)");
}

}  // namespace

class ElementBytes {
 public:
  ElementBytes(std::span<const uint8_t> bytes, bool compressed, const Path& path, int64_t at)
      : bytes_(bytes), compressed_(compressed), path_(path), at_(at) {
    if (!compressed) return;
    if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
    stream_.next_in = const_cast<Bytef*>(bytes.data());  // zlib's interface; it only reads
    stream_.avail_in = uInt(bytes.size());               // an element's length has 32 bits
  }
  ~ElementBytes() {
    if (compressed_) inflateEnd(&stream_);
  }
  ElementBytes(const ElementBytes&) = delete;

  void read(void* to, int64_t count) {
    if (const int64_t got = read_some(to, count); got < count)
      fail_at(path_, at_, fmt::format("an element that ends {} bytes too early", count - got), "whole elements");
  }
  bool ended() {
    uint8_t byte;
    return read_some(&byte, 1) == 0;
  }

 private:
  int64_t read_some(void* to, int64_t count) {
    if (!compressed_) {
      const int64_t n = std::min(count, int64_t(bytes_.size()));
      std::memcpy(to, bytes_.data(), size_t(n));
      bytes_ = bytes_.subspan(size_t(n));
      return n;
    }
    auto* next = static_cast<Bytef*>(to);
    int64_t got = 0;
    while (got < count && !done_) {
      const uInt wanted = uInt(std::min<int64_t>(count - got, 1 << 30));
      stream_.next_out = next + got, stream_.avail_out = wanted;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      got += wanted - stream_.avail_out;
      done_ = result == Z_STREAM_END;
      if (result == Z_MEM_ERROR) throw std::bad_alloc();
      if (result != Z_OK && !done_)
        fail_at(path_, at_, fmt::format("compressed bytes that do not inflate ({})", zError(result)), "a zlib stream");
    }
    return got;
  }

  std::span<const uint8_t> bytes_;
  bool compressed_, done_ = false;
  const Path path_;
  int64_t at_;
  z_stream stream_{};
};

MatArray::MatArray(std::unique_ptr<ElementBytes> bytes, Path path, int64_t at)
    : bytes_(std::move(bytes)), path_(std::move(path)), at_(at) {
  read_header();
}
MatArray::MatArray(MatArray&&) noexcept = default;
MatArray::~MatArray() = default;

void MatArray::refuse(const std::string& found, const std::string& expected) const {
  fail_at(path_, at_, name_.empty() ? found : name_ + " " + found, expected);
}

void MatArray::take(int64_t bytes, void* to) {
  if (bytes > left_) refuse("with parts beyond its end", fmt::format("at most {} bytes more", left_));
  bytes_->read(to, bytes);
  left_ -= bytes;
}

// The matrix's own tag, then sub-elements, each with a tag and padded to 8 bytes: flags, dimensions, name, values. Up
// to four bytes may stand in the tag itself.
void MatArray::read_header() {
  const auto part = [&](uint32_t type, int64_t most, const char* what) {
    uint32_t tag[2];
    take(kTag, tag);
    const bool small = tag[0] >> 16 != 0;
    const int64_t bytes = small ? tag[0] >> 16 : tag[1];
    if ((tag[0] & 0xffff) != type || bytes > (small ? 4 : most))
      refuse(fmt::format("with {} of type {} in {} bytes", what, tag[0] & 0xffff, bytes),
             fmt::format("type {} in at most {} bytes", type, most));
    std::vector<uint8_t> held(size_t(small ? 4 : padded(bytes)));
    small ? void(std::memcpy(held.data(), &tag[1], 4)) : take(int64_t(held.size()), held.data());
    held.resize(size_t(bytes));
    return held;
  };
  uint32_t tag[2];
  bytes_->read(tag, kTag);
  if (tag[0] != kMatrix) refuse(fmt::format("element type {}", tag[0]), "14 (matrix)");
  left_ = tag[1];
  const std::vector<uint8_t> flags = part(kUint32, 8, "flags");
  if (flags.size() != 8) refuse(fmt::format("{} bytes of flags", flags.size()), "8");
  if (flags[0] < uint8_t(MatClass::float64) || flags[0] > uint8_t(MatClass::uint64)) return;  // cells, texts, ...
  array_class_ = MatClass(flags[0]);
  const std::vector<uint8_t> dimensions = part(kInt32, 4 * kMostDimensions, "dimensions");
  const std::vector<uint8_t> name = part(kInt8, kLongestName, "a name");
  name_.assign(name.begin(), name.end());
  int64_t count = 1;
  for (size_t d = 0; d < dimensions.size() / 4; ++d) {
    shape_.push_back(value_at<int32_t>(&dimensions[4 * d]));
    if (shape_.back() < 0 || __builtin_mul_overflow(count, shape_.back(), &count))
      refuse("of size " + shape_text(), "a possible size");
  }
  constexpr uint8_t kComplex = 8;
  if (shape_.size() < 2 || flags[1] & kComplex)
    refuse(flags[1] & kComplex ? "is complex" : "without dimensions", "real numbers");
  numeric_ = true;
}

void MatArray::open_values() {
  opened_ = true;
  uint32_t tag[2];
  take(kTag, tag);
  const bool small = tag[0] >> 16 != 0;
  storage_ = tag[0] & 0xffff;
  values_left_ = small ? tag[0] >> 16 : tag[1];
  int64_t expected = bytes_of(storage_);
  for (int64_t extent : shape_) expected = __builtin_mul_overflow(expected, extent, &expected) ? -1 : expected;
  if (bytes_of(storage_) == 0 || values_left_ != expected || values_left_ > left_ + (small ? 4 : 0))
    refuse(fmt::format("of size {} with {} bytes of type {}", shape_text(), values_left_, storage_),
           fmt::format("as many elements, in the {} bytes that it has", left_));
  if (small) in_tag_.assign(reinterpret_cast<uint8_t*>(&tag[1]), reinterpret_cast<uint8_t*>(&tag[1]) + values_left_);
}

void MatArray::take_values(int64_t bytes, uint8_t* to) {
  if (!opened_) open_values();
  if (bytes > values_left_) refuse("with too few elements", fmt::format("{} bytes more", bytes - values_left_));
  if (in_tag_.empty()) {
    take(bytes, to);
  } else {
    std::copy_n(in_tag_.end() - values_left_, bytes, to);
  }
  values_left_ -= bytes;
}

std::string MatArray::shape_text() const {
  std::string text;
  for (int64_t extent : shape_) text += fmt::format("{}{}", text.empty() ? "" : "x", extent);
  return text;
}

void MatArray::read(std::span<uint8_t> values) {
  take_values(int64_t(values.size()), values.data());
  if (storage_ != kUint8) refuse(fmt::format("stored as type {}", storage_), "type 2 (uint8)");
}

void MatArray::read(std::span<double> values) {
  if (!opened_) open_values();
  uint8_t element[8];
  for (double& value : values) {
    take_values(bytes_of(storage_), element);
    value = number_at(element, storage_);
  }
}

void MatArray::finish() {
  uint8_t padding[8];
  if (values_left_ > 0 || left_ >= 8)
    refuse(fmt::format("with {} more bytes", std::max(values_left_, left_)), "its end");
  take(left_, padding);
  if (!bytes_->ended()) refuse("with bytes after its end", "its end");
}

MatArray open_mat_array(std::span<const uint8_t> file, const std::string& name, const Path& path) {
  check_header(file, path);
  std::optional<MatArray> found;
  const int64_t size = int64_t(file.size());
  for (int64_t at = kHeader; at < size;) {
    if (size - at < kTag)
      fail_at(path, at, fmt::format("{} bytes to the end", size - at), "an element's tag of 8 bytes");
    const uint32_t type = value_at<uint32_t>(&file[size_t(at)]), length = value_at<uint32_t>(&file[size_t(at) + 4]);
    if (type != kMatrix && type != kCompressed)
      fail_at(path, at, fmt::format("element type {}", type), "14 (matrix) or 15 (compressed)");
    if (length > size - at - kTag)
      fail_at(path, at + 4, fmt::format("an element of {} bytes", length),
              fmt::format("at most {} to the end", size - at - kTag));
    const bool compressed = type == kCompressed;
    const auto element = compressed ? file.subspan(size_t(at + kTag), length) : file.subspan(size_t(at), kTag + length);
    MatArray array(std::make_unique<ElementBytes>(element, compressed, path, at), path, at);
    if (array.numeric() && array.name() == name) {
      if (found) fail_at(path, at, "a second array " + name, "one");
      found.emplace(std::move(array));
    }
    at += kTag + int64_t(length);
  }
  if (!found) fail_at(path, kHeader, "no array " + name, "X and y");
  return std::move(*found);
}

}  // namespace crc::data
