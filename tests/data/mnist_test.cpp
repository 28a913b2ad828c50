#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;

void put_word(Bytes& bytes, uint32_t value) {
  for (int i = 3; i >= 0; --i) bytes.push_back(uint8_t(value >> (8 * i)));
}

Bytes idx_images(uint32_t count, uint32_t rows, uint32_t columns) {
  Bytes bytes;
  for (uint32_t v : {0x803u, count, rows, columns}) put_word(bytes, v);
  for (uint32_t i = 0; i < count * rows * columns; ++i) bytes.push_back(uint8_t(i * 5));
  return bytes;
}

Bytes idx_labels(uint32_t count) {
  Bytes bytes;
  for (uint32_t v : {0x801u, count}) put_word(bytes, v);
  for (uint32_t i = 0; i < count; ++i) bytes.push_back(uint8_t(i % 10));
  return bytes;
}

class Mnist : public testing::Test {
 protected:
  void write(const std::string& images_end, const std::string& labels_end) {
    write_file(dir_ / ("train-images" + images_end), idx_images(12, 28, 28));
    write_file(dir_ / ("train-labels" + labels_end), idx_labels(12));
    write_file(dir_ / ("t10k-images" + images_end), idx_images(2, 28, 28));
    write_file(dir_ / ("t10k-labels" + labels_end), idx_labels(2));
  }
  Dataset load_it() { return load({"mnist", dir_.path(), {}}); }
  void expect_corrupt(const std::string& name, const Bytes& bytes, const std::vector<std::string>& parts) {
    write("-idx3-ubyte", "-idx1-ubyte");
    write_file(dir_ / name, bytes);
    expect_error([&] { load_it(); }, ExitCode::corrupt_data, parts);
  }
  const TempDir dir_;
};

TEST_F(Mnist, ReadsBothNamings) {
  for (const char* separator : {"-", "."}) {
    const std::string s = separator;
    write(s + "idx3-ubyte", s + "idx1-ubyte");
    const Dataset dataset = load_it();
    EXPECT_EQ(dataset.train.count, 12);
    EXPECT_EQ(dataset.train.height, 28);
    EXPECT_EQ(dataset.test.labels, (std::vector<int32_t>{0, 1}));
    for (size_t i = 0; i < dataset.train.pixels.size(); ++i) ASSERT_EQ(dataset.train.pixels[i], uint8_t(i / 3 * 5));
  }
}

TEST_F(Mnist, NamesWhatIsWrong) {
  Bytes bytes = idx_images(12, 28, 28);
  bytes.pop_back();
  expect_corrupt("train-images-idx3-ubyte", bytes, {"byte 16", "9407 bytes", "9408"});
  bytes.resize(bytes.size() + 2);
  expect_corrupt("train-images-idx3-ubyte", bytes, {"9409 bytes"});
  expect_corrupt("train-images-idx3-ubyte", {}, {"0 bytes", "header of 16"});
  expect_corrupt("train-images-idx3-ubyte", idx_labels(20), {"byte 0", "00000801", "00000803"});
  bytes = idx_images(12, 28, 28);
  bytes[4] = 0xff;
  expect_corrupt("train-images-idx3-ubyte", bytes, {"as the header says"});
  bytes = idx_images(12, 28, 28);
  bytes[8] = 0xff;
  expect_corrupt("train-images-idx3-ubyte", bytes, {"byte 8", "1..1024"});
  expect_corrupt("train-labels-idx1-ubyte", idx_labels(11), {"train-labels", "11 labels", "expected 12"});
  bytes = idx_labels(12);
  bytes[10] = 10;
  expect_corrupt("train-labels-idx1-ubyte", bytes, {"byte 10", "label 10", "0..9"});
}

TEST_F(Mnist, SurvivesDamage) {
  write("-idx3-ubyte", "-idx1-ubyte");
  EXPECT_GT(damage(idx_images(12, 28, 28), 300,
                   [&](const Bytes& bytes) {
                     write_file(dir_ / "train-images-idx3-ubyte", bytes);
                     load_it();
                   }),
            140);
}

}  // namespace
}  // namespace crc::test
