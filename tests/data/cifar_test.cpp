#include <cstdlib>

#include "data/datasets/cifar10.h"
#include "data/datasets/records.h"
#include "data/datasets/street_digits.h"
#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;

constexpr size_t kRecord = 3073;

Dataset load_from(const Path& dir, std::map<std::string, std::string> options = {}) {
  return load({"cifar10", dir, options});
}

TEST(Cifar10, WriteThenRead) {
  for (const int64_t side : {32, 16, 5}) {
    const TempDir dir;
    const Dataset written = pattern_dataset(13, 3, side, side + (side == 5));
    write_cifar10(dir / "set", written);
    EXPECT_EQ(std::filesystem::exists(dir / "set/image_size.txt"), side != 32);
    const Dataset read = load_from(dir / "set");
    EXPECT_EQ(read.train.count, 13);
    EXPECT_EQ(read.train.height, side);
    EXPECT_EQ(read.train.width, written.train.width);
    EXPECT_EQ(read.train.pixels, written.train.pixels);
    EXPECT_EQ(read.train.labels, written.train.labels);
    EXPECT_EQ(read.test.pixels, written.test.pixels);
    EXPECT_EQ(read.test.labels, written.test.labels);
    EXPECT_EQ(read.class_names, written.class_names);
    EXPECT_EQ(read.fingerprint, load_from(dir / "set").fingerprint);
  }
}

// The layout written down by hand: label, 1024 red, 1024 green, 1024 blue, row by row.
TEST(Cifar10, RecordLayout) {
  const TempDir dir;
  Bytes record(kRecord);
  record[0] = 9;
  for (int p = 0; p < 1024; ++p)
    for (int c = 0; c < 3; ++c) record[1 + 1024 * c + p] = uint8_t(3 * (p / 32) + 5 * (p % 32) + 80 * c);
  for (const char* name :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"})
    write_file(dir / "cifar-10-batches-bin" / (std::string(name) + ".bin"), record);
  const Dataset dataset = load_from(dir.path());  // the folder's parent
  EXPECT_EQ(dataset.train.count, 5);
  EXPECT_EQ(dataset.test.labels, std::vector<int32_t>{9});
  EXPECT_EQ(dataset.class_names[9], "truck");
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 32; ++x)
      for (int c = 0; c < 3; ++c) ASSERT_EQ(dataset.test.pixels[(y * 32 + x) * 3 + c], uint8_t(3 * y + 5 * x + 80 * c));
}

class DamagedCifar10 : public testing::Test {
 protected:
  DamagedCifar10() {
    write_cifar10(dir_.path(), pattern_dataset(15, 2, 32, 32));
    good_ = read_file(file_);
  }
  void expect_corrupt(const Bytes& bytes, const std::vector<std::string>& parts) {
    write_file(file_, bytes);
    expect_error([&] { load_from(dir_.path()); }, ExitCode::corrupt_data, parts);
  }
  const TempDir dir_;
  const Path file_ = dir_ / "data_batch_3.bin";
  Bytes good_;
};

TEST_F(DamagedCifar10, NamesFileByteFoundAndExpected) {
  ASSERT_EQ(good_.size(), 3 * kRecord);
  expect_corrupt({good_.begin(), good_.end() - 1},
                 {file_.string() + ": byte 6146: found 3072 bytes after 2 whole records, expected records of 3073"});
  Bytes longer = good_;
  longer.push_back(0);
  expect_corrupt(longer, {"byte 9219", "1 bytes after 3 whole records"});
  expect_corrupt({}, {"byte 0", "0 bytes after 0"});
  Bytes label = good_;
  label[kRecord] = 10;
  expect_corrupt(label,
                 {"data_batch_3.bin: byte 3073: found label 10 in record 1, expected 0..9", "fetch or write it again"});
}

TEST_F(DamagedCifar10, ChecksTheSideFiles) {
  write_file(dir_ / "image_size.txt", "16 16");
  expect_error([&] { load_from(dir_.path()); }, ExitCode::corrupt_data, {"data_batch_1.bin", "records of 769 bytes"});
  for (const char* text : {"", "16", "16 16 3", "0 16", "-1 5", "100000 1", "a b"}) {
    write_file(dir_ / "image_size.txt", text);
    expect_error([&] { load_from(dir_.path()); }, ExitCode::corrupt_data, {"image_size.txt", "1..1024"});
  }
  std::filesystem::remove(dir_ / "image_size.txt");
  write_file(dir_ / "batches.meta.txt", "cat\ndog\n\n");
  expect_error([&] { load_from(dir_.path()); }, ExitCode::corrupt_data,
               {"batches.meta.txt", "2 class names", "expected 10"});
}

TEST_F(DamagedCifar10, MissingFiles) {
  std::filesystem::remove(file_);
  expect_error([&] { load_from(dir_.path()); }, ExitCode::input_missing,
               {"cifar10: data_batch_3.bin missing in " + dir_.path().string(), "test_batch.bin", "https://"});
  std::filesystem::create_directory(file_);
  expect_error([&] { load_from(dir_.path()); }, ExitCode::input_missing, {"data_batch_3.bin: is a folder"});
}

TEST_F(DamagedCifar10, SurvivesDamage) {
  const RecordLayout layout{32, 32, {{"label", 10}}};
  const int detected = damage(good_, 500, [&](const Bytes& bytes) {
    write_file(file_, bytes);
    Images images;
    Fingerprint fingerprint;
    read_records(file_, layout, images, fingerprint);
    EXPECT_EQ(images.labels.size(), size_t(images.count));
  });
  EXPECT_GT(detected, 200);  // every other length; pixels have no checksum
}

TEST(Cifar10, WriterRefusals) {
  const auto refuses = [](const Dataset& dataset, const std::vector<std::string>& words) {
    const auto put = [](const std::string& name, auto) { ADD_FAILURE() << name; };
    expect_error([&] { encode_cifar10(dataset, put); }, ExitCode::usage, words);
  };
  refuses(pattern_dataset(4, 1, 32, 32), {"at least 5", "4 and 1"});
  Dataset dataset = pattern_dataset(5, 1, 32, 32);
  dataset.train.labels[0] = -1;
  refuses(dataset, {"unlabelled"});
}

// Pixels of the published mean and standard deviation, each image a little lighter or darker.
Dataset like_cifar10(int64_t count) {
  Dataset dataset = pattern_dataset(count, 1, 32, 32);
  const double mean[] = {0.4914, 0.4822, 0.4465}, std[] = {0.2471, 0.2435, 0.2616};
  for (size_t i = 0; i < dataset.train.pixels.size(); ++i)
    dataset.train.pixels[i] = uint8_t(255 * (mean[i % 3] + (i / 3 % 2 ? std[i % 3] : -std[i % 3])) + i / 3072 % 3);
  dataset.class_names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  return dataset;
}

// The constants of the PyTorch ports are for CIFAR-10 and parts of it: the images themselves say which they are.
TEST(Cifar10, ConstantsAreForImagesThatHaveThem) {
  const auto loaded = [](Dataset dataset, bool named) {
    const TempDir dir;
    write_cifar10(dir.path() / "set", dataset);
    if (!named) std::filesystem::remove(dir / "set/batches.meta.txt");
    return load_from(dir / "set");
  };
  for (const bool named : {true, false}) {
    const Dataset real = loaded(like_cifar10(500), named);
    EXPECT_EQ(real.normalize.mean[0], 0.4914f);
    EXPECT_NE(real.normalize_source.find("the published constants of CIFAR-10: these images have mean 0.49"),
              std::string::npos)
        << real.normalize_source;
  }
  Dataset ships = like_cifar10(5000);  // one class of it: lighter, and bluer
  for (uint8_t& pixel : ships.train.pixels) pixel = uint8_t(std::min(pixel + 25, 255));
  EXPECT_EQ(loaded(ships, true).normalize.mean[0], 0.4914f);
  EXPECT_NE(loaded(ships, false).normalize.mean[0], 0.4914f);
  Dataset own = like_cifar10(5000);
  for (uint8_t& pixel : own.train.pixels) pixel = uint8_t(pixel / 3);
  for (const bool named : {true, false}) {
    const Dataset measured = loaded(own, named);
    EXPECT_LT(measured.normalize.mean[0], 0.2f);
    EXPECT_EQ(measured.normalize_before->mean[0], 0.4914f);  // what runs got that began by the earlier rule
    EXPECT_EQ(measured.normalize_source, "measured on the training images, which are not CIFAR-10's");
  }
  own.class_names[0] = "plane";
  EXPECT_FALSE(loaded(own, true).normalize_before);
}

TEST(Cifar10, StreetDigitsBecomeFiles) {
  const TempDir dir;
  StreetDigits config;
  config.train = 60, config.test = 7, config.duplicates = 0.2;
  const Dataset written = make_street_digits(config);
  write_cifar10(dir.path(), written);
  const Dataset read = load_from(dir.path());
  EXPECT_EQ(read.train.pixels, written.train.pixels);
  EXPECT_EQ(read.test.labels, written.test.labels);
  EXPECT_EQ(read.normalize.mean[0], written.normalize.mean[0]);
  const std::string text = read_text(dir / "meta.csv");
  EXPECT_EQ(std::ranges::count(text, '\n'), 1 + 67);
  EXPECT_TRUE(
      text.starts_with("split,id,class,style,duplicate_of,near_duplicate,ambiguous,rotation,contrast\ntrain,0,"));
}

TEST(Cifar100, UsesTheFineLabel) {
  const TempDir dir;
  Bytes records;
  for (int i = 0; i < 3; ++i) {
    records.push_back(uint8_t(19 - i));
    records.push_back(uint8_t(97 + i));
    records.insert(records.end(), 3072, uint8_t(i));
  }
  write_file(dir / "cifar-100-binary/train.bin", records);
  write_file(dir / "cifar-100-binary/test.bin", std::span(records).first(3074));
  const auto load100 = [&] { return load({"cifar100", dir.path(), {}}); };
  const Dataset dataset = load100();
  EXPECT_EQ(dataset.train.labels, (std::vector<int32_t>{97, 98, 99}));
  EXPECT_EQ(dataset.train.image(2)[0], 2);
  EXPECT_EQ(dataset.classes(), 100);
  EXPECT_EQ(dataset.test.count, 1);
  records[3074] = 20;
  write_file(dir / "cifar-100-binary/train.bin", records);
  expect_error(load100, ExitCode::corrupt_data,
               {"train.bin: byte 3074: found coarse label 20 in record 1, expected 0..19"});
  records[3074] = 0, records[3075] = 100;
  write_file(dir / "cifar-100-binary/train.bin", records);
  expect_error(load100, ExitCode::corrupt_data, {"byte 3075: found fine label 100 in record 1, expected 0..99"});
}

TEST(Cifar10, RealFiles) {
  const char* dir = std::getenv("CRC_CIFAR10_DIR");
  if (!dir) GTEST_SKIP() << "set CRC_CIFAR10_DIR to the folder with data_batch_1.bin ... to test the real files";
  const Dataset dataset = load_from(dir);
  EXPECT_EQ(dataset.train.count, 50000);
  EXPECT_EQ(dataset.test.count, 10000);
  std::vector<int> train(10), test(10);
  for (int32_t label : dataset.train.labels) ++train[label];
  for (int32_t label : dataset.test.labels) ++test[label];
  EXPECT_EQ(train, std::vector<int>(10, 5000));
  EXPECT_EQ(test, std::vector<int>(10, 1000));
  EXPECT_EQ(dataset.train.labels[0], 6);  // a frog, as everybody knows
  EXPECT_EQ(dataset.test.labels[0], 3);
  EXPECT_EQ(dataset.normalize.mean[0], 0.4914f);
  const NormalizeStats measured = measure(dataset.train);
  for (int c = 0; c < 3; ++c) {
    EXPECT_NEAR(measured.mean[c], dataset.normalize.mean[c], 0.005);
    EXPECT_NEAR(measured.std[c], dataset.normalize.std[c], 0.01);
  }
}

}  // namespace
}  // namespace crc::test
