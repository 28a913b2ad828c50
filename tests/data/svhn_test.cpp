#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "data/dataset.h"
#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;

class Svhn : public testing::Test {
 protected:
  Svhn() {
    copy("train", "svhn_compressed.mat");
    copy("test", "svhn_uint8_labels.mat");
  }
  Path file(const std::string& split) const { return dir_ / (split + "_32x32.mat"); }
  void copy(const std::string& split, const std::string& name) { write_file(file(split), read_file(golden(name))); }
  Dataset load_it(std::map<std::string, std::string> options = {}) { return load({"svhn", dir_.path(), options}); }
  void expect_corrupt(const std::vector<std::string>& parts) {
    expect_error([&] { load_it(); }, ExitCode::corrupt_data, parts);
  }
  const TempDir dir_;
};

void expect_formula(const Images& images) {
  ASSERT_EQ(images.pixels.size(), size_t(images.count * 3072));
  for (int64_t n = 0; n < images.count; ++n)
    for (int y = 0; y < 32; ++y)
      for (int x = 0; x < 32; ++x)
        for (int c = 0; c < 3; ++c)
          ASSERT_EQ(images.image(n)[(y * 32 + x) * 3 + c], uint8_t(7 * y + 3 * x + 50 * c + 11 * n));
}

TEST_F(Svhn, ReadsWhatSciPyWrites) {
  const Dataset dataset = load_it();
  EXPECT_EQ(dataset.train.labels, (std::vector<int32_t>{0, 1, 9, 5}));
  EXPECT_EQ(dataset.test.labels, (std::vector<int32_t>{0}));
  expect_formula(dataset.train);
  expect_formula(dataset.test);
  EXPECT_EQ(dataset.normalize.mean[1], 0.5f);
}

TEST_F(Svhn, ExtraImages) {
  copy("extra", "svhn_compressed.mat");
  EXPECT_EQ(load_it().train.count, 4);
  EXPECT_NE(join(load_it().notes).find("extra_32x32.mat is not read"), std::string::npos);
  EXPECT_EQ(load_it({{"extra", "true"}}).train.count, 8);
  std::filesystem::remove(file("extra"));
  expect_error([&] { load_it({{"extra", "1"}}); }, ExitCode::input_missing, {"extra_32x32.mat missing"});
}

// Uncompressed, element by element, from the published description of the format.
Bytes mat_file(uint32_t images_claimed, uint32_t images_held) {
  Bytes bytes(128, ' ');
  std::memcpy(bytes.data(), "MATLAB 5.0 MAT-file", 19);
  const auto word = [&bytes](uint32_t value) {
    for (int i = 0; i < 4; ++i) bytes.push_back(uint8_t(value >> (8 * i)));
  };
  std::memcpy(&bytes[124], "\x00\x01IM", 4);
  const auto matrix = [&](uint32_t mclass, std::vector<uint32_t> dims, char name, const Bytes& elements) {
    const size_t tag = bytes.size();
    for (uint32_t v : {14u, 0u, 6u, 8u, mclass, 0u, 5u, uint32_t(4 * dims.size())}) word(v);
    for (uint32_t d : dims) word(d);
    for (uint32_t v : {1u | 1u << 16, uint32_t(name), 2u, uint32_t(elements.size())}) word(v);
    bytes.insert(bytes.end(), elements.begin(), elements.end());
    while (bytes.size() % 8) bytes.push_back(0);
    const uint32_t length = uint32_t(bytes.size() - tag - 8);
    std::memcpy(&bytes[tag + 4], &length, 4);
  };
  Bytes x;
  for (uint32_t n = 0; n < images_held; ++n)
    for (int c = 0; c < 3; ++c)
      for (int column = 0; column < 32; ++column)
        for (int row = 0; row < 32; ++row) x.push_back(uint8_t(7 * row + 3 * column + 50 * c + 11 * n));
  matrix(9, {32, 32, 3, images_claimed}, 'X', x);
  matrix(6, {images_claimed, 1}, 'y', Bytes(images_held, 10));  // class double, stored as bytes
  return bytes;
}

TEST_F(Svhn, ReadsPlainElements) {
  write_file(file("train"), mat_file(2, 2));
  const Dataset dataset = load_it();
  EXPECT_EQ(dataset.train.labels, (std::vector<int32_t>{0, 0}));
  expect_formula(dataset.train);
}

TEST_F(Svhn, RefusesWhatTheHeaderCannotHold) {
  write_file(file("train"), mat_file(0x7fffffff, 1));
  expect_corrupt({"train_32x32.mat", "X of size 32x32x3x2147483647", "can hold"});
  write_file(file("train"), mat_file(3, 2));
  expect_corrupt({"train_32x32.mat"});
}

TEST_F(Svhn, NamesWhatIsWrong) {
  copy("train", "svhn_wrong_class.mat");
  expect_corrupt({"train_32x32.mat", "X of class 6", "class 9 (uint8)"});
  copy("train", "svhn_bad_label.mat");
  expect_corrupt({"y[1] = 0", "1..10"});
  copy("train", "svhn_few_labels.mat");
  expect_corrupt({"3 rows", "4x1"});
  const Bytes good = read_file(golden("svhn_compressed.mat"));
  write_file(file("train"), std::span(good).first(good.size() - 5));
  expect_corrupt({"to the end"});
  write_file(file("train"), std::span(good).first(100));
  expect_corrupt({"byte 0", "100 bytes", "128-byte header"});
  write_file(file("train"), "");
  expect_corrupt({"0 bytes"});
  Bytes bad = good;
  bad.insert(bad.end(), 3, 0);
  write_file(file("train"), bad);
  expect_corrupt({"3 bytes to the end"});
  bad = good, bad[126] = 'M', bad[127] = 'I';
  write_file(file("train"), bad);
  expect_corrupt({"byte 124", "little-endian"});
  bad = good, bad[128] = 99;
  write_file(file("train"), bad);
  expect_corrupt({"byte 128", "element type 99"});
}

// Real photographs shrink by a third; what shrank a hundredfold would cost a hundred times its size.
TEST_F(Svhn, RefusesWhatWouldCostManyTimesItsSize) {
  const Bytes plain = mat_file(1000, 1000);
  Bytes zeros = plain;
  std::fill(zeros.begin() + 200, zeros.begin() + 192 + 1000 * 3072, 0);  // the pixels, but for the first
  Bytes packed(zeros.begin(), zeros.begin() + 128);
  for (size_t at = 128; at < zeros.size();) {
    uint32_t length;
    std::memcpy(&length, &zeros[at + 4], 4);
    uLongf size = compressBound(length + 8);
    const size_t tag = packed.size();
    packed.resize(tag + 8 + size);
    compress2(&packed[tag + 8], &size, &zeros[at], length + 8, 9);
    packed.resize(tag + 8 + size);
    const uint32_t words[] = {15, uint32_t(size)};
    std::memcpy(&packed[tag], words, 8);
    at += 8 + length;
  }
  write_file(file("train"), packed);
  expect_corrupt({"X of size 32x32x3x1000", "at most 32 times as many"});
  write_file(file("train"), plain);
  EXPECT_EQ(load_it().train.count, 1000);
}

TEST_F(Svhn, SurvivesDamage) {
  for (const Bytes& good : {read_file(golden("svhn_compressed.mat")), mat_file(2, 2)}) {
    const int detected = damage(good, 250, [&](const Bytes& bytes) {
      write_file(file("train"), bytes);
      const Dataset dataset = load_it();
      EXPECT_EQ(dataset.train.pixels.size(), size_t(dataset.train.count * 3072));
    });
    EXPECT_GT(detected, 100);
  }
}

TEST(SvhnSample, RealFiles) {
  const char* chosen = std::getenv("CRC_SVHN_SAMPLE_DIR");
  const Path dir = chosen ? Path(chosen) : Path(CRC_SOURCE_DIR).parent_path() / "shared/data/svhn-sample";
  if (!std::filesystem::exists(dir / "train_32x32.mat"))
    GTEST_SKIP() << "no sample of SVHN (800 + 283 images) in " << dir << "; CRC_SVHN_SAMPLE_DIR names its folder";
  const Dataset dataset = load({"svhn", dir, {}});
  EXPECT_EQ(dataset.train.count, 800);
  EXPECT_EQ(dataset.test.count, 283);
  EXPECT_EQ(std::ranges::count(dataset.train.labels, 0), 45);
  EXPECT_EQ(std::ranges::count(dataset.train.labels, 1), 174);
}

}  // namespace
}  // namespace crc::test
