// Images as NumPy arrays: files, labels, names, and what is refused.
#include "data/npy.h"
#include "tests/data/fixture.h"

namespace crc::test {
namespace {

class Arrays : public ::testing::Test {
 protected:
  void images(const std::string& name, const std::vector<int64_t>& shape) {
    int64_t count = 1;
    for (const int64_t extent : shape) count *= extent;
    std::vector<uint8_t> values;
    for (int64_t i = 0; i < count; ++i) values.push_back(uint8_t(i * 37 + 11));
    put(name, values, shape);
  }
  template <class T> void put(const std::string& name, const std::vector<T>& values, std::vector<int64_t> shape) {
    write_file(folder / name, data::encode_npy<T>(std::span<const T>(values), shape));
  }
  data::Dataset load() const { return data::load({"arrays", folder.path(), {}}); }
  void refuse(const std::vector<std::string>& parts) const {
    expect_error([&] { (void)load(); }, ExitCode::corrupt_data, parts);
  }
  TempDir folder;
};

TEST_F(Arrays, ReadsTheFolder) {
  images("train.npy", {5, 4, 6, 3});
  images("test.npy", {2, 4, 6});
  put<int64_t>("train_labels.npy", {0, -1, 2, 1, 0}, {5});
  write_file(folder / "test_labels.csv", "label\n2\n-1\n");
  write_file(folder / "classes.txt", "ant\nbee\ncow\ndog\n");
  const data::Dataset set = load();
  EXPECT_EQ(set.class_names, (std::vector<std::string>{"ant", "bee", "cow", "dog"}));
  EXPECT_EQ(set.train.labels, (std::vector<int32_t>{0, -1, 2, 1, 0}));
  EXPECT_EQ(set.train.height, 4);
  EXPECT_EQ(set.train.width, 6);
  EXPECT_EQ(set.train.pixels[5], uint8_t(5 * 37 + 11));
  EXPECT_EQ(set.test.count, 2);
  for (int c = 0; c < 3; ++c) EXPECT_EQ(set.test.pixels[size_t(3 + c)], uint8_t(37 + 11)) << "grey is replicated";
  EXPECT_EQ(set.normalize.mean[0], data::measure(set.train).mean[0]);
}

TEST_F(Arrays, AreTheirBytes) {
  images("train.npy", {3, 2, 2, 3});
  const std::string alone = load().fingerprint;
  EXPECT_EQ(load().class_names, (std::vector<std::string>{"0", "1"})) << "people are asked";
  put<int32_t>("train_labels.npy", {4, 0, 0}, {3});
  EXPECT_EQ(load().classes(), 5);
  EXPECT_NE(load().fingerprint, alone);
}

TEST_F(Arrays, RefusesWhatIsNone) {
  put<float>("train.npy", {1, 2, 3}, {1, 1, 1, 3});
  refuse({"train.npy", "<f4", "uint8 [N,H,W,3] or [N,H,W]"});
  images("train.npy", {2, 2, 2, 4});
  refuse({"uint8 [N,H,W,3] or [N,H,W]"});
  images("train.npy", {0, 2, 2, 3});
  refuse({"uint8 [N,H,W,3] or [N,H,W]"});
  images("train.npy", {2, 2, 2, 3});
  put<int64_t>("train_labels.npy", {1}, {1});
  refuse({"one integer per row, [2]"});
  put<int64_t>("train_labels.npy", {1, -2}, {2});
  refuse({"the label of image 1 is \"-2\"", "0 to 9999"});
  put<int64_t>("train_labels.npy", {1, 2}, {2});
  write_file(folder / "classes.txt", "ant\nbee\n");
  refuse({"names 2 classes, and 3 are needed", "the largest label is 2"});
  write_file(folder / "classes.txt", "ant\nbee\nant\n");
  refuse({"a second class \"ant\""});
  write_file(folder / "classes.txt", "ant\nbee\ncow\n");
  images("test.npy", {2, 2, 3, 3});
  refuse({"images of 2x3", "of 2x2"});
}

}  // namespace
}  // namespace crc::test
