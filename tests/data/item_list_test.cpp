#include "data/item_list.h"

#include "data/image.h"
#include "data/jpeg.h"
#include "data/pool.h"
#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;

// Images of one pixel, whose red says which they are.
Images some(const std::vector<std::string>& names, const std::vector<int32_t>& labels) {
  Images images{
      .count = int64_t(names.size()), .height = 1, .width = 1, .pixels = {}, .labels = labels, .names = names};
  for (const std::string& name : names) images.pixels.insert(images.pixels.end(), {uint8_t(name[0]), 0, 0});
  return images;
}

Dataset pets() {
  Dataset d;
  d.class_names = {"cat", "dog"};
  d.train = some({"b", "c", "d", "e"}, {0, -1, 1, 0});
  d.test = some({"x", "y"}, {0, 1});
  return d;
}

ItemList held_out() {  // e is
  ItemList list = item_list(pets());
  list.validation = {list.train.back()};
  list.train.pop_back();
  return list;
}

TEST(ItemList, ReadsBackWhateverNamesAre) {
  Dataset d = pets();
  d.train.names = {"a \"b\", c", "caf\xe9", "=1", "line\nbreak"};
  const ItemList list = item_list(d);
  EXPECT_EQ(ItemList::parse(list.csv(), "list"), list);
  EXPECT_EQ(list.train[1].label, "");
  EXPECT_EQ(list.test[1].label, "dog");
  EXPECT_NE(list.train[0].content, list.train[1].content);
  expect_error([] { ItemList::parse("split,file,content,label\nother,a,b,c\n", "list"); }, ExitCode::corrupt_data,
               {"list:2", "split \"other\""});
}

TEST(ItemList, KeepsTheNumbersOfItemsAndNamesWhatIsNew) {
  Dataset d = pets();
  d.train = some({"a", "c", "b", "e", "z", "d"}, {1, 1, 0, 0, -1, -1});
  const PoolGrowth growth = align(d, held_out(), "dir");
  EXPECT_EQ(d.train.names, (std::vector<std::string>{"b", "c", "d"}));
  EXPECT_EQ(d.train.labels, (std::vector<int32_t>{0, -1, 1})) << "as the list has them";
  EXPECT_EQ(d.validation.names, std::vector<std::string>{"e"});
  EXPECT_EQ(growth.added.names, (std::vector<std::string>{"a", "z"}));
  ASSERT_EQ(growth.relabelled.size(), 2u);
  EXPECT_EQ(growth.relabelled[0].item, 1);
  EXPECT_EQ(growth.relabelled[0].label, 1);
  EXPECT_EQ(growth.relabelled[1].label, -1);
  grow(d, growth);
  EXPECT_EQ(d.train.names, (std::vector<std::string>{"b", "c", "d", "a", "z"}));
  EXPECT_EQ(d.train.labels, (std::vector<int32_t>{0, 1, -1, 1, -1}));
  EXPECT_EQ(d.train.pixels[3 * 3], 'a');
  EXPECT_EQ(d.train.count, 5);
}

TEST(ItemList, OneFileMayStandTwice) {
  Dataset d = pets();
  d.train = some({"b", "b", "c"}, {0, 1, -1});
  const ItemList list = item_list(d);
  EXPECT_TRUE(align(d, list, "dir").empty());
  EXPECT_EQ(d.train.labels, (std::vector<int32_t>{0, 1, -1}));
}

TEST(ItemList, RefusesByNameWhatIsGoneOrChanged) {
  const auto refused = [](Images train, Images test, const std::vector<std::string>& words) {
    Dataset d = pets();
    d.train = std::move(train), d.test = std::move(test);
    expect_error([&] { align(d, held_out(), "dir"); }, ExitCode::corrupt_data, words);
  };
  const Images test = pets().test;
  refused(some({"b", "c", "e"}, {0, -1, 0}), test, {"dir/d is gone", "restore it"});
  refused(some({"b", "c", "d"}, {0, -1, 0}), test, {"dir/e is gone"});
  Images other = pets().train;
  other.pixels[4] = 1;
  refused(other, test, {"dir/c has other content"});
  refused(pets().train, some({"x"}, {0}), {"dir/y is gone"});
  refused(pets().train, some({"x", "y", "z"}, {0, 1, 1}), {"dir/z was no test image"});
  refused(pets().train, some({"x", "y"}, {1, 1}), {"dir/x has the label \"dog\"", "had \"cat\""});
  refused(some({"b", "c", "d", "e"}, {0, -1, 1, 1}), test, {"dir/e has the label \"dog\"", "held out"});
}

TEST(Folds, HaveEqualPartsOfEveryClass) {
  std::vector<LabeledItem> labels;
  for (int64_t i = 0; i < 53; ++i) labels.push_back({i, int32_t(i % 7 < 3 ? 0 : i % 7 < 5 ? 1 : 2), 0});
  const std::vector<int64_t> fold = stratified_folds(labels, 3, 5, 7);
  std::vector<std::vector<int64_t>> count(5, std::vector<int64_t>(3));
  std::vector<int64_t> sizes(5);
  for (size_t k = 0; k < labels.size(); ++k)
    ++count[size_t(fold[k])][size_t(labels[k].label)], ++sizes[size_t(fold[k])];
  EXPECT_LE(std::ranges::max(sizes) - std::ranges::min(sizes), 1);
  for (size_t c = 0; c < 3; ++c) {
    const auto [low, high] = std::ranges::minmax(count, {}, [&](const auto& of) { return of[c]; });
    EXPECT_LE(high[c] - low[c], 1) << c;
  }
  EXPECT_EQ(stratified_folds(labels, 3, 5, 7), fold);
  EXPECT_NE(stratified_folds(labels, 3, 5, 8), fold);
}

TEST(Jpeg, WhatIsEncodedIsAnImageOfThatSize) {
  RgbImage image{8, 12, std::vector<uint8_t>(8 * 12 * 3, 200)};
  const RgbImage back = decode_jpeg(encode_jpeg(image, 90), "image");
  EXPECT_EQ(back.height, 8);
  EXPECT_EQ(back.width, 12);
  for (const uint8_t value : back.pixels) EXPECT_NEAR(value, 200, 3);
}

TEST(FitWithin, KeepsTheShapeOfAnImage) {
  const RgbImage small = fit_within({300, 900, std::vector<uint8_t>(300 * 900 * 3, 90)}, 90);
  EXPECT_EQ(small.height, 30);
  EXPECT_EQ(small.width, 90);
  for (const uint8_t value : small.pixels) ASSERT_EQ(value, 90);
  EXPECT_EQ(fit_within({3, 9, std::vector<uint8_t>(81)}, 90).width, 9);
}

TEST(Counted, OneIsNotMany) {
  EXPECT_EQ(counted(1, "image", "images"), "1 image");
  EXPECT_EQ(counted(0, "image", "images"), "0 images");
  EXPECT_EQ(counted(2, "image has", "images have"), "2 images have");
}

}  // namespace
}  // namespace crc::test
