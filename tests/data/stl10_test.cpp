#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;

Bytes planes(int count) {  // channel, column, row
  Bytes bytes;
  for (int n = 0; n < count; ++n)
    for (int c = 0; c < 3; ++c)
      for (int x = 0; x < 96; ++x)
        for (int y = 0; y < 96; ++y) bytes.push_back(uint8_t(7 * y + 3 * x + 50 * c + 11 * n));
  return bytes;
}

class Stl10 : public testing::Test {
 protected:
  Stl10() {
    write_file(dir_ / "train_X.bin", planes(3));
    write_file(dir_ / "train_y.bin", Bytes{1, 10, 5});
    write_file(dir_ / "test_X.bin", planes(1));
    write_file(dir_ / "test_y.bin", Bytes{2});
  }
  Dataset load_it(std::map<std::string, std::string> options = {}) { return load({"stl10", dir_.path(), options}); }
  const TempDir dir_;
};

TEST_F(Stl10, TransposesPlanes) {
  const Dataset dataset = load_it();
  EXPECT_EQ(dataset.train.labels, (std::vector<int32_t>{0, 9, 4}));
  EXPECT_EQ(dataset.train.pixels, pattern(3, 96, 96, 10).pixels);
  EXPECT_EQ(dataset.class_names[9], "truck");
}

TEST_F(Stl10, UnlabeledImagesJoinTraining) {
  expect_error([&] { load_it({{"unlabeled", "1"}}); }, ExitCode::input_missing, {"unlabeled_X.bin missing"});
  write_file(dir_ / "unlabeled_X.bin", planes(2));
  EXPECT_EQ(load_it({{"unlabeled", "1"}}).train.labels, (std::vector<int32_t>{0, 9, 4, -1, -1}));
}

TEST_F(Stl10, NamesWhatIsWrong) {
  const auto expect_corrupt = [&](const std::vector<std::string>& parts) {
    expect_error([&] { load_it(); }, ExitCode::corrupt_data, parts);
  };
  write_file(dir_ / "train_y.bin", Bytes{1, 11, 5});
  expect_corrupt({"train_y.bin: byte 1: found label 11, expected 1..10"});
  write_file(dir_ / "train_y.bin", Bytes{1, 0, 5});
  expect_corrupt({"byte 1: found label 0"});
  write_file(dir_ / "train_y.bin", Bytes{1, 2});
  expect_corrupt({"2 labels", "expected 3"});
  const Bytes images = planes(3);
  write_file(dir_ / "train_X.bin", std::span(images).first(27648 * 2 + 7));
  expect_corrupt({"train_X.bin: byte 55296: found 7 bytes after 2 whole images"});
  write_file(dir_ / "train_X.bin", "");
  expect_corrupt({"train_X.bin: byte 0"});
}

}  // namespace
}  // namespace crc::test
