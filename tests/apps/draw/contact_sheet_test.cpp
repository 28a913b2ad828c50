#include "apps/draw/contact_sheet.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace crc::apps::test
