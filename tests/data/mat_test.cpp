#include "data/mat.h"

#include <zlib.h>

#include <cstring>

#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;

// Elements by hand, from the published description of the format.
class MatWriter {
 public:
  MatWriter() : bytes_(128, ' ') { std::memcpy(&bytes_[124], "\x00\x01IM", 4); }
  static Bytes words(std::initializer_list<uint32_t> values) {
    Bytes bytes;
    for (uint32_t value : values)
      for (int i = 0; i < 4; ++i) bytes.push_back(uint8_t(value >> (8 * i)));
    return bytes;
  }
  // A matrix element whose values are given with their tag.
  static Bytes matrix(uint32_t array_class, const std::vector<uint32_t>& shape, const std::string& name,
                      const Bytes& values) {
    Bytes part = words({6, 8, array_class, 0, 5, uint32_t(4 * shape.size())});
    const auto append = [&](const Bytes& bytes) {
      part.insert(part.end(), bytes.begin(), bytes.end());
      while (part.size() % 8) part.push_back(0);
    };
    for (uint32_t extent : shape) {
      const Bytes word = words({extent});
      part.insert(part.end(), word.begin(), word.end());
    }
    append({});
    append(words({1, uint32_t(name.size())}));
    append({name.begin(), name.end()});
    append(values);
    Bytes element = words({14, uint32_t(part.size())});
    element.insert(element.end(), part.begin(), part.end());
    return element;
  }
  void add(const Bytes& element) { bytes_.insert(bytes_.end(), element.begin(), element.end()); }
  void add_compressed(const Bytes& element) {
    uLongf size = compressBound(element.size());
    Bytes packed(size);
    compress2(packed.data(), &size, element.data(), element.size(), 9);
    packed.resize(size);
    add(words({15, uint32_t(size)}));
    add(packed);
  }
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

Bytes tagged(uint32_t type, std::initializer_list<uint8_t> values) {
  Bytes bytes = MatWriter::words({type, uint32_t(values.size())});
  bytes.insert(bytes.end(), values);
  return bytes;
}

TEST(Mat, ReadsEveryTypeThatMatlabStoresDoublesIn) {
  const std::pair<Bytes, double> stored[] = {
      {tagged(1, {0xff, 0xff, 0xff, 0xff, 0xff}), -1},
      {tagged(2, {7, 7, 7, 7, 7}), 7},
      {tagged(3, {0xfe, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe, 0xff}), -2},
      {tagged(4, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}), 257},
  };
  for (const auto& [values, expected] : stored)
    for (const bool compressed : {false, true}) {
      MatWriter file;
      file.add(MatWriter::matrix(4, {1, 3}, "text", tagged(16, {'a', 'b', 'c'})));  // a class that nobody asks for
      const Bytes element = MatWriter::matrix(6, {5, 1}, "y", values);
      compressed ? file.add_compressed(element) : file.add(element);
      MatArray y = open_mat_array(file.bytes(), "y", "a.mat");
      EXPECT_EQ(y.array_class(), MatClass::float64);
      EXPECT_EQ(y.shape(), (std::vector<int64_t>{5, 1}));
      std::vector<double> read(5);
      y.read(std::span(read));
      y.finish();
      EXPECT_EQ(read, std::vector<double>(5, expected));
    }
}

TEST(Mat, ReadsValuesInsideTheTag) {
  MatWriter file;
  file.add(MatWriter::matrix(9, {3, 1}, "y", MatWriter::words({2 | 3 << 16, 0x030201})));
  MatArray y = open_mat_array(file.bytes(), "y", "a.mat");
  std::vector<uint8_t> first(1), rest(2);
  y.read(std::span(first));
  y.read(std::span(rest));
  y.finish();
  EXPECT_EQ(first[0], 1);
  EXPECT_EQ(rest, (std::vector<uint8_t>{2, 3}));
}

TEST(Mat, RefusesWhatDoesNotAddUp) {
  const auto expect_corrupt = [](const MatWriter& file, const std::string& words) {
    expect_error(
        [&] {
          MatArray y = open_mat_array(file.bytes(), "y", "a.mat");
          std::vector<double> values(2);
          y.read(std::span(values));
          y.finish();
        },
        ExitCode::corrupt_data, {"a.mat", words});
  };
  const auto with = [](const Bytes& element) {
    MatWriter file;
    file.add(element);
    return file;
  };
  expect_corrupt(MatWriter(), "no array y");
  expect_corrupt(with(MatWriter::matrix(6, {2, 1}, "x", tagged(2, {1, 2, 3, 4, 5}))), "no array y");
  expect_corrupt(with(MatWriter::matrix(6, {5, 1}, "y", tagged(2, {1, 2, 3, 4, 5}))), "y with 6 more bytes");
  expect_corrupt(with(MatWriter::matrix(6, {6, 1}, "y", tagged(2, {1, 2, 3, 4, 5}))), "y of size 6x1 with 5 bytes");
  expect_corrupt(with(MatWriter::matrix(6, {2, 1}, "y", MatWriter::words({9, 16, 0, 0}))), "in the 8 bytes");
  expect_corrupt(with(MatWriter::matrix(6, {0x80000000u, 1}, "y", {})), "a possible size");
  expect_corrupt(with(MatWriter::matrix(6, {0x7fffffffu, 0x7fffffffu, 0x7fffffffu}, "y", {})), "a possible size");
  expect_corrupt(with(MatWriter::matrix(6 | 0x800, {5, 1}, "y", tagged(2, {1, 2, 3, 4, 5}))), "complex");
  expect_corrupt(with(MatWriter::matrix(6, {5, 1}, std::string(2000, 'y'), {})), "a name of type 1 in 2000 bytes");
  MatWriter two = with(MatWriter::matrix(9, {2, 1}, "y", MatWriter::words({2 | 2 << 16, 0})));
  two.add(MatWriter::matrix(9, {2, 1}, "y", MatWriter::words({2 | 2 << 16, 0})));
  expect_corrupt(two, "a second array y");
  MatWriter longer;
  Bytes element = MatWriter::matrix(9, {2, 1}, "y", MatWriter::words({2 | 2 << 16, 0}));
  element.resize(element.size() + 8);
  longer.add_compressed(element);
  expect_corrupt(longer, "bytes after its end");
  MatWriter broken;
  broken.add_compressed(MatWriter::matrix(6, {5, 1}, "y", tagged(2, {1, 2, 3, 4, 5})));
  Bytes bytes = broken.bytes();
  bytes[140] ^= 0xff;
  expect_error([&] { open_mat_array(bytes, "y", "a.mat"); }, ExitCode::corrupt_data, {"a.mat"});
  expect_error(
      [] {
        open_mat_array(Bytes{0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'}, "y", "a.mat");
      },
      ExitCode::corrupt_data, {"an HDF5 file", "save(..., '-v7')"});
}

// Sixteen megabytes of zeros in sixteen kilobytes: never inflated, because nobody asks for them.
TEST(Mat, InflatesOnlyWhatIsAskedFor) {
  MatWriter file;
  Bytes values = MatWriter::words({2, 1 << 24});
  values.resize(8 + (1 << 24));
  Bytes element = MatWriter::matrix(9, {1 << 24, 1}, "y", values);
  values = {};
  file.add_compressed(element);
  element = {};
  EXPECT_LT(file.bytes().size(), 1u << 15);
  MatArray y = open_mat_array(file.bytes(), "y", "a.mat");
  std::vector<uint8_t> few(16);
  y.read(std::span(few));
  EXPECT_EQ(few, std::vector<uint8_t>(16));
  expect_error([&] { y.finish(); }, ExitCode::corrupt_data, {"more bytes"});
}

}  // namespace
}  // namespace crc::test
