#include "apps/draw/contact_sheet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "data/dataset.h"
#include "tests/expect_error.h"

namespace crc::apps::test {
namespace {

TEST(ContactSheet, PlacesTiles) {
  std::vector<uint8_t> pixels(3 * 2 * 2 * 3);
  std::iota(pixels.begin(), pixels.end(), 1);
  const data::Images images{.count = 3, .height = 2, .width = 2, .pixels = pixels, .labels = {}};
  const std::span<const uint8_t> tiles[] = {images.image(0), images.image(1), images.image(2)};
  const data::RgbImage sheet = contact_sheet(tiles, 2, 2, {.columns = 2, .scale = 1});
  ASSERT_EQ(sheet.height, 13);  // 2 rows of 2 pixels, gaps of 3
  ASSERT_EQ(sheet.width, 13);
  const auto at = [&](int y, int x) {
    const auto p = sheet.pixels.begin() + (y * 13 + x) * 3;
    return std::vector<int>(p, p + 3);
  };
  const auto pixel = [&](int i, int p) {
    const auto image = images.image(i);
    return std::vector<int>(image.begin() + 3 * p, image.begin() + 3 * p + 3);
  };
  EXPECT_EQ(at(3, 3), pixel(0, 0));
  EXPECT_EQ(at(4, 3), pixel(0, 2));
  EXPECT_EQ(at(3, 9), pixel(1, 1));
  EXPECT_EQ(at(8, 3), pixel(2, 0));
  EXPECT_EQ(at(2, 6), (std::vector<int>{255, 255, 255}));
  EXPECT_EQ(at(9, 9), (std::vector<int>{255, 255, 255}));
  expect_error(ExitCode::internal, {"tile 0 has 12 bytes"}, [&] { contact_sheet(tiles, 3, 2, {}); });
}

TEST(ContactSheet, ItsTilesComeOutAsTheyWentIn) {
  for (const int64_t height : {2, 31, 32, 40})
    for (const int64_t count : {1, 2, 9, 10, 11, 25}) {
      const int64_t width = height + 3;
      std::vector<uint8_t> pixels(size_t(count * height * width * 3));
      for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = uint8_t(i * 7 + i / 251);
      const data::Images images{.count = count, .height = height, .width = width, .pixels = pixels, .labels = {}};
      std::vector<std::span<const uint8_t>> tiles;
      for (int64_t i = 0; i < count; ++i) tiles.push_back(images.image(i));
      const data::RgbImage sheet = contact_sheet(tiles, height, width, {.scale = sheet_scale(height)});
      const std::vector<data::RgbImage> found = tiles_of(sheet, count);
      ASSERT_EQ(int64_t(found.size()), count) << height;
      for (int64_t i = 0; i < count; ++i)
        EXPECT_TRUE(std::ranges::equal(found[size_t(i)].pixels, images.image(i))) << height << " " << i;
    }
  EXPECT_TRUE(tiles_of({100, 100, std::vector<uint8_t>(30000)}, 3).empty());
  EXPECT_TRUE(tiles_of({}, 0).empty());
}

}  // namespace
}  // namespace crc::apps::test
