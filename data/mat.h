// MATLAB 5 files, as far as SVHN needs them: real numeric arrays, plain or compressed with zlib, little-endian. Read
// strictly and in pieces: nothing is allocated or inflated because a file claims a size.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/file.h"

namespace crc::data {

// MATLAB's class of an array; others are never opened.
enum class MatClass : uint8_t {
  float64 = 6,
  float32 = 7,
  int8 = 8,
  uint8 = 9,
  int16,
  uint16,
  int32,
  uint32,
  int64,
  uint64
};

class ElementBytes;  // of one element, inflated if need be

// An array, open at its first element.
class MatArray {
 public:
  MatArray(std::unique_ptr<ElementBytes> bytes, Path path, int64_t at);
  MatArray(MatArray&&) noexcept;
  ~MatArray();

  bool numeric() const { return numeric_; }  // else neither name nor shape was read
  const std::string& name() const { return name_; }
  MatClass array_class() const { return array_class_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  std::string shape_text() const;  // "32x32x3x4"
  int64_t at() const { return at_; }

  // The next elements in the file's order, the first dimension fastest. MATLAB stores any class in the smallest type
  // that holds the values: read as bytes, they must be uint8. Error corrupt_data, also when there are fewer.
  void read(std::span<uint8_t> values);
  void read(std::span<double> values);
  void finish();  // nothing may follow

 private:
  void read_header();
  void open_values();
  void take(int64_t bytes, void* to);
  void take_values(int64_t bytes, uint8_t* to);
  [[noreturn]] void refuse(const std::string& found, const std::string& expected) const;

  std::unique_ptr<ElementBytes> bytes_;
  Path path_;
  int64_t at_;  // of the element in the file
  bool numeric_ = false, opened_ = false;
  Bytes in_tag_;  // the values, where they are four bytes or fewer
  std::string name_;
  MatClass array_class_ = MatClass::uint8;
  std::vector<int64_t> shape_;
  uint32_t storage_ = 0;                // the type of the elements
  int64_t left_ = 0, values_left_ = 0;  // bytes of the array and of its values that are still to come
};

// The array `name` of a file that lies in memory and outlives it. Error corrupt_data: no MATLAB 5 file, a broken chain
// of elements, no such array or two of them.
MatArray open_mat_array(std::span<const uint8_t> file, const std::string& name, const Path& path);

}  // namespace crc::data
