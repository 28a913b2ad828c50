#include "data/png.h"
#include "tests/data/fixture.h"
#include "tests/data/png_chunks.h"

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

TEST_F(Folder, ClassFoldersWithoutASplit) {
  png("dog/b.png", 1);
  png("dog/deeper/a.png", 0);
  png("cat/z.png", 2);
  png("loose.png", 3);
  write_file(dir_ / "cat/notes.txt", "not an image");
  Dataset dataset = load_it();
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(dataset.train.names, (std::vector<std::string>{"cat/z.png", "dog/b.png", "dog/deeper/a.png", "loose.png"}));
  EXPECT_EQ(dataset.train.labels, (std::vector<int32_t>{0, 1, 1, -1}));
  EXPECT_EQ(dataset.test.count, 0);
  // Of named classes the order counts, and other folders are no classes.
  dataset = load({"folder", dir_.path(), {{"class_names", "dog ,\"a, b\""}}});
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"dog", "a, b"}));
  EXPECT_EQ(dataset.train.labels, (std::vector<int32_t>{-1, 0, 0, -1}));
}

TEST_F(Folder, ImagesAlone) {
  png("b.png", 1);
  png("a.png", 0);
  png(".hidden.png", 2);
  const std::map<std::string, std::string> named{{"class_names", "cat,dog"}};
  expect_error([&] { load_it(); }, ExitCode::input_missing, {"holds 2 images", "data.class_names = \"cat,dog\""});
  const Dataset dataset = load({"folder", dir_.path(), named});
  EXPECT_EQ(dataset.train.labels, (std::vector<int32_t>{-1, -1}));
  EXPECT_EQ(dataset.classes(), 2);
  write_file(dir_ / "labels.csv", "path,label\na.png,bird\n");
  expect_error(
      [&] {
        load({"folder", dir_.path(), named});
      },
      ExitCode::corrupt_data, {"\"bird\"", "none of data.class_names (cat, dog)"});
  expect_error([&] { load({"folder", dir_.path(), {{"class_names", "cat,cat"}}}); }, ExitCode::config, {"twice"});
  expect_error([&] { load({"folder", dir_.path(), {{"class_names", "cat,"}}}); }, ExitCode::config, {"empty"});
}

TEST_F(Folder, AnswersThatWereSavedBesideTheImages) {
  png("a.png", 0);
  write_file(dir_ / "labels.csv", "item,file,class,remark\n0,a.png,cat,\n");
  expect_corrupt({"labels.csv holds answers to a query", "crc_train label RUN labels.csv"});
}

TEST_F(Folder, Metadata) {
  png("0.png", 0);
  png("x/1.png", 1);
  png("2.png", 2);
  write_file(dir_ / "metadata.jsonl",
             "{\"file_name\": \"x/1.png\", \"label\": 7, \"width\": 6}\n\n"
             "{\"file_name\": \"0.png\", \"label\": null}\n"
             "{\"file_name\": \"2.png\", \"label\": \"one\", \"split\": \"test\"}\n");
  Dataset dataset = load_it();
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"7", "one"}));
  EXPECT_EQ(dataset.train.labels, (std::vector<int32_t>{0, -1}));
  EXPECT_EQ(dataset.test.labels, (std::vector<int32_t>{1}));
  write_file(dir_ / "metadata.jsonl", "{\"file_name\": \"0.png\", \"label\": \"a\"}\n{\"file_name\": ");
  expect_corrupt({"metadata.jsonl:2: not a JSON object"});
  write_file(dir_ / "metadata.jsonl", "{\"file_name\": \"../0.png\", \"label\": \"a\"}\n");
  expect_corrupt({"metadata.jsonl:1: path \"../0.png\""});
  write_file(dir_ / "metadata.jsonl", "{\"file_name\": \"0.png\", \"label\": 1.5}\n");
  expect_corrupt({"metadata.jsonl:1: label is neither"});
  write_file(dir_ / "metadata.csv", "file_name,label,caption\nx/1.png,one,\"a, b\"\n0.png,,none\n");  // goes first
  dataset = load_it();
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"one"}));
  EXPECT_EQ(dataset.train.count, 2);
}

// A PNG of 6x6 pixels of this depth and colour type, every byte the same.
Bytes even(uint8_t depth, uint8_t color, size_t bytes_per_pixel, uint8_t value, bool second_frame = false) {
  Bytes png = kPngSignature, raw;
  append_chunk(png, "IHDR", {0, 0, 0, 6, 0, 0, 0, 6, depth, color, 0, 0, 0});
  if (second_frame) append_chunk(png, "fcTL", Bytes(26));
  for (int row = 0; row < 6; ++row) {
    raw.push_back(0);
    raw.insert(raw.end(), 6 * bytes_per_pixel, value);
  }
  Bytes packed(compressBound(raw.size()));
  uLongf size = packed.size();
  compress(packed.data(), &size, raw.data(), raw.size());
  packed.resize(size);
  append_chunk(png, "IDAT", packed);
  append_chunk(png, "IEND", {});
  return png;
}

TEST_F(Folder, SaysWhatIsLostOfAnImage) {
  write_file(dir_ / "clear.png", even(8, 6, 4, 0));       // RGBA, all transparent
  write_file(dir_ / "opaque.png", even(8, 6, 4, 255));    // nothing is lost
  write_file(dir_ / "deep.png", even(16, 0, 2, 5));       // 16-bit grey
  write_file(dir_ / "film.png", even(8, 0, 1, 9, true));  // two frames
  write_file(dir_ / "plain.png", even(8, 2, 3, 7));
  write_file(dir_ / "labels.csv", "clear.png,a\nopaque.png,a\ndeep.png,b\nfilm.png,b\nplain.png,b\n");
  EXPECT_EQ(load_it().notes,
            (std::vector<std::string>{"1 image has transparent pixels, of which the colour alone is read: clear.png",
                                      "1 image has 16 bits a channel, of which the upper 8 are read: deep.png",
                                      "1 image has several frames, of which the first is read: film.png"}));
}

TEST_F(Folder, ClassesThatDifferInCapitalsAreNamed) {
  for (int i = 0; i < 4; ++i) png(std::to_string(i) + ".png", i);
  write_file(dir_ / "labels.csv", "0.png,cat\n1.png,\"cat \"\n2.png,Cat\n3.png,dog\n");
  const Dataset dataset = load_it();
  EXPECT_EQ(dataset.classes(), 4);
  EXPECT_EQ(dataset.notes,
            (std::vector<std::string>{"classes \"Cat\" and \"cat\" differ in capitals or spaces alone, and are two",
                                      "classes \"Cat\" and \"cat \" differ in capitals or spaces alone, and are two"}));
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
