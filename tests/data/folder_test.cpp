#include "data/png.h"
#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;

class Folder : public testing::Test {
 protected:
  void png(const std::string& name, int64_t n, int64_t side = 6) {
    const Images all = pattern(n + 1, side, side, 10);
    const auto image = all.image(n);
    write_file(dir_ / name, encode_png({side, side, {image.begin(), image.end()}}));
  }
  Dataset load_it() { return load({"folder", dir_.path(), {}}); }
  void expect_corrupt(const std::vector<std::string>& parts) {
    expect_error([&] { load_it(); }, ExitCode::corrupt_data, parts);
  }
  const TempDir dir_;
};

TEST_F(Folder, ClassesAreSubfolders) {
  png("train/dog/b.png", 1);
  png("train/dog/a.png", 0);
  png("train/cat/z.png", 2);
  png("test/cat/t.png", 3);
  write_file(dir_ / "train/cat/notes.txt", "not an image");
  const Dataset dataset = load_it();
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(dataset.train.labels, (std::vector<int32_t>{0, 1, 1}));
  const Images all = pattern(4, 6, 6, 10);
  for (const auto& [i, n] : {std::pair{0, 2}, {1, 0}, {2, 1}})
    EXPECT_TRUE(std::ranges::equal(dataset.train.image(i), all.image(n)));
  EXPECT_TRUE(std::ranges::equal(dataset.test.image(0), all.image(3)));
}

TEST_F(Folder, ListWithUnlabelledImages) {
  png("x/0.png", 0);
  png("x/1.png", 1);
  png("x/2.png", 2);
  write_file(dir_ / "labels.csv", "path,label,split\r\nx/1.png,seven\nx/0.png,\n\nx/2.png,one,test\n");
  const Dataset dataset = load_it();
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"one", "seven"}));
  EXPECT_EQ(dataset.train.labels, (std::vector<int32_t>{1, -1}));
  EXPECT_EQ(dataset.test.labels, (std::vector<int32_t>{0}));
  const std::string before = dataset.fingerprint;
  png("x/0.png", 5);
  EXPECT_NE(load_it().fingerprint, before);
}

TEST_F(Folder, RefusesWhatLeavesTheFolder) {
  for (const char* path : {"../x.png", "/etc/passwd", "a/../../b.png", ""}) {
    write_file(dir_ / "labels.csv", std::string(path) + ",cat\n");
    expect_corrupt({"labels.csv:1: path \"", "\" is not a relative path without \"..\""});
  }
}

TEST_F(Folder, NamesWhatIsWrong) {
  png("a.png", 0);
  png("b.png", 1, 7);
  write_file(dir_ / "labels.csv", "a.png,cat\nb.png,cat\n");
  expect_corrupt({"b.png: byte 16: found 7x7 pixels, expected 6x6, as in ", "a.png"});
  write_file(dir_ / "labels.csv", "a.png,cat\nb.png,cat,test\n");
  expect_corrupt({"b.png", "7x7", "as in training"});
  write_file(dir_ / "labels.csv", "a.png,cat\na.png\n");
  expect_corrupt({"labels.csv:2: 1 fields where the heading has 3; its columns are path, label"});
  write_file(dir_ / "labels.csv", "a.png,cat,dev\n");
  expect_corrupt({"labels.csv:1: split \"dev\" is not train or test"});
  write_file(dir_ / "labels.csv", "a.png,,test\n");
  expect_corrupt({"labels.csv:1: a test image without label"});
  write_file(dir_ / "labels.csv", "a.png,\n");
  expect_corrupt({"0 classes"});
  write_file(dir_ / "labels.csv", "no.png,cat\n");
  expect_error([&] { load_it(); }, ExitCode::input_missing, {"no.png"});
  write_file(dir_ / "labels.csv", "\n");
  expect_corrupt({"labels.csv:1: the file is empty"});
  write_file(dir_ / "labels.csv", "path,label\n");
  expect_error([&] { load_it(); }, ExitCode::input_missing, {"lists no training images"});
  write_file(dir_ / "a.png", "GIF89a");
  write_file(dir_ / "labels.csv", "a.png,cat\n");
  expect_corrupt({"a.png: byte 0", "PNG signature"});
}

}  // namespace
}  // namespace crc::test
