#include "data/dataset.h"

#include <cmath>
#include <set>

#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;

TEST(Dataset, RegistryIsComplete) {
  std::set<std::string> names;
  for (const DatasetEntry* entry : dataset_registry()) {
    EXPECT_TRUE(names.insert(entry->name).second);
    for (const char* text : {entry->name, entry->description, entry->source, entry->files, entry->options})
      EXPECT_FALSE(std::string(text).empty()) << entry->name;
  }
  for (const char* name : {"street_digits", "two_moons", "cifar10", "cifar100", "svhn", "mnist", "stl10", "folder"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST(Dataset, EveryFileDatasetNamesWhatIsMissing) {
  const TempDir dir;
  for (const DatasetEntry* entry : dataset_registry()) {
    if (std::string(entry->files) == "none") continue;
    expect_error(
        [&] {
          load({entry->name, dir.path(), {}});
        },
        ExitCode::input_missing, {entry->name, dir.path().string(), "expected: "});
    expect_error([&] { load({entry->name, dir / "none", {}}); }, ExitCode::input_missing, {"is not a folder"});
    expect_error([&] { load({entry->name, "", {}}); }, ExitCode::input_missing, {"no data folder was given"});
  }
}

TEST(Dataset, RefusesUnknownNamesAndOptions) {
  expect_error([] { load({"cifar11", "", {}}); }, ExitCode::config, {"\"cifar11\"", "cifar10, cifar100"});
  const auto digits = [](const std::string& option, const std::string& value) {
    return [=] { load({"street_digits", "", {{"train", "10"}, {"test", "1"}, {option, value}}}); };
  };
  expect_error(digits("sed", "1"), ExitCode::config, {"no option sed", "profile, train, test, seed"});
  expect_error(digits("seed", "-1"), ExitCode::config, {"seed is \"-1\"", "0..4294967295"});
  expect_error(digits("seed", "1x"), ExitCode::config, {"an integer"});
  expect_error(digits("duplicates", "1.5"), ExitCode::config, {"0..1"});
  expect_error(digits("duplicates", "nan"), ExitCode::config, {"0..1"});
  expect_error(digits("profile", "harder"), ExitCode::config, {"one of easy, street, hard"});
  expect_error([] { load({"svhn", "/", {{"extra", "yes"}}}); }, ExitCode::config, {"true or false"});
}

TEST(Dataset, MeasuresMeanAndDeviation) {
  const Images images = pattern(3, 5, 4, 10);
  const NormalizeStats stats = measure(images);
  for (int c = 0; c < 3; ++c) {
    double mean = 0, variance = 0;
    for (size_t i = c; i < images.pixels.size(); i += 3) mean += images.pixels[i] / 255.0 / 60;
    for (size_t i = c; i < images.pixels.size(); i += 3) variance += std::pow(images.pixels[i] / 255.0 - mean, 2) / 60;
    EXPECT_FLOAT_EQ(stats.mean[c], float(mean));
    EXPECT_FLOAT_EQ(stats.std[c], float(std::sqrt(variance)));
  }
  EXPECT_EQ(measure({}).mean[0], 0.5f);
  const NormalizeStats flat = measure({1, 1, 2, {9, 9, 9, 9, 9, 9}, {0}});
  EXPECT_GT(flat.std[0], 0);  // a constant image must not divide by zero
}

TEST(Dataset, SplitsAValidationSet) {
  const Images whole = pattern(40, 2, 3, 10);
  Dataset dataset = pattern_dataset(40, 1, 2, 3);
  split_validation(dataset, 12, 5);
  ASSERT_EQ(dataset.train.count, 28);
  ASSERT_EQ(dataset.validation.count, 12);
  std::multiset<std::vector<uint8_t>> parts, all;
  const auto collect = [](const Images& images, auto& into) {
    ASSERT_EQ(images.labels.size(), size_t(images.count));
    for (int64_t i = 0; i < images.count; ++i) {
      std::vector<uint8_t> item(images.image(i).begin(), images.image(i).end());
      item.push_back(uint8_t(images.labels[i]));
      into.insert(item);
    }
  };
  collect(dataset.train, parts);
  collect(dataset.validation, parts);
  collect(whole, all);
  EXPECT_EQ(parts, all);
  Dataset again = pattern_dataset(40, 1, 2, 3), other = pattern_dataset(40, 1, 2, 3);
  split_validation(again, 12, 5);
  split_validation(other, 12, 6);
  EXPECT_EQ(again.train.pixels, dataset.train.pixels);
  EXPECT_NE(other.train.pixels, dataset.train.pixels);
  expect_error([&] { split_validation(again, 28, 0); }, ExitCode::config, {"data.validation_size = 28", "28 images"});
}

TEST(File, NamesWhatItCannotRead) {
  const TempDir dir;
  write_file(dir / "a", "text");
  EXPECT_EQ(read_file(dir / "a"), (Bytes{'t', 'e', 'x', 't'}));
  expect_error([&] { read_file(dir / "b"); }, ExitCode::input_missing, {(dir / "b").string()});
  expect_error([&] { read_file(dir.path()); }, ExitCode::input_missing, {"is a folder"});
  expect_error([&] { read_file(dir / "a", 3); }, ExitCode::corrupt_data, {"byte 3", "4 bytes", "at most 3"});
}

TEST(File, FingerprintIsXxh3) {
  EXPECT_EQ(Fingerprint().hex(), "2d06800538d394c2");  // XXH3_64bits of nothing, from the specification
  Fingerprint whole, parts;
  whole.add("abcdef");
  parts.add("abc");
  parts.add("def");
  EXPECT_EQ(whole.hex(), parts.hex());
}

}  // namespace
}  // namespace crc::test
