#include "data/png.h"

#include <zlib.h>

#include "tests/data/fixture.h"
#include "tests/data/png_chunks.h"

namespace crc::test {
namespace {

using namespace crc::data;

RgbImage golden_image() {
  RgbImage image{4, 5, {}};
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 5; ++x)
      for (int value : {10 * x, 20 * y, 5 * (x + y) + 100}) image.pixels.push_back(uint8_t(value));
  return image;
}

TEST(Png, ReadsWhatPillowWrites) {
  const RgbImage expected = golden_image();
  for (const char* name : {"rgb.png", "rgba.png", "palette.png"}) {
    const RgbImage image = read_png(golden(name));
    EXPECT_EQ(image.height, 4);
    EXPECT_EQ(image.width, 5);
    EXPECT_EQ(image.pixels, expected.pixels) << name;
  }
  const RgbImage grey = read_png(golden("grey.png"));
  for (size_t i = 0; i < grey.pixels.size(); ++i) EXPECT_EQ(grey.pixels[i], expected.pixels[i / 3 * 3 + 2]);
}

TEST(Png, RoundTrip) {
  const TempDir dir;
  for (int64_t side : {1, 3, 32, 301}) {
    const Images source = pattern(1, side, side + 1, 10);
    const RgbImage image{side, side + 1, source.pixels};
    write_file(dir / "a.png", encode_png(image));
    EXPECT_EQ(read_png(dir / "a.png").pixels, image.pixels);
  }
  expect_error([&] { encode_png({0, 1, {}}); }, ExitCode::internal, {"0x1"});
  expect_error([&] { encode_png({1, 1, {1}}); }, ExitCode::internal, {"1 bytes"});
}

// Overwrites bytes of the first chunk and mends its checksum.
Bytes with_header(Bytes png, size_t at, std::initializer_list<uint8_t> values) {
  std::ranges::copy(values, png.begin() + at);
  const uint32_t sum = uint32_t(crc32_z(0, &png[12], 17));
  for (int i = 0; i < 4; ++i) png[29 + i] = uint8_t(sum >> (24 - 8 * i));
  return png;
}

TEST(Png, RefusesDamagedFiles) {
  const Bytes png = encode_png(golden_image());
  const auto expect_corrupt = [](const Bytes& bytes, const std::vector<std::string>& parts) {
    expect_error([&] { decode_png(bytes, "a.png"); }, ExitCode::corrupt_data, parts);
  };
  expect_corrupt({}, {"a.png: byte 0", "0 bytes", "PNG signature"});
  expect_corrupt({png.begin() + 1, png.end()}, {"byte 0", "PNG signature"});
  expect_corrupt({png.begin(), png.end() - 1}, {"to the end"});
  expect_corrupt({png.begin(), png.begin() + 33}, {"byte 33", "0 bytes to the end"});
  Bytes longer = png;
  longer.push_back(0);
  expect_corrupt(longer, {"1 more bytes", "the end of the file"});
  Bytes flipped = png;
  flipped[45] ^= 1;
  expect_corrupt(flipped, {"checksum"});
  expect_corrupt(with_header(png, 16, {0, 0, 0x10, 1}),
                 {"a.png: the image is 4097 pixels wide and 4 high, and at most 4096 pixels a side are read; scale it "
                  "down"});
  expect_corrupt(with_header(png, 20, {0, 0, 0x20, 0}), {"5 pixels wide and 8192 high"});
  expect_corrupt(with_header(png, 20, {0xff, 0xff, 0xff, 0xff}), {"byte 20", "height 4294967295"});
  expect_corrupt(with_header(png, 16, {0, 0, 0, 0}), {"width 0"});
  expect_corrupt(with_header(png, 16, {0, 0, 0x10, 0}), {"byte 16", "what 26 compressed ones hold"});
  expect_corrupt(with_header(png, 24, {7}), {"does not decode"});
  Bytes no_data = png;
  no_data.erase(no_data.begin() + 33, no_data.end() - 12);
  expect_corrupt(no_data, {"IDAT"});
}

Bytes deflated(const Bytes& bytes) {
  uLongf size = compressBound(bytes.size());
  Bytes packed(size);
  compress2(packed.data(), &size, bytes.data(), bytes.size(), 9);
  packed.resize(size);
  return packed;
}

// Greyscale of this size, with this image data, in parts.
Bytes png_of(uint8_t side, uint8_t interlace, const std::vector<Bytes>& parts, const std::string& extra = "") {
  Bytes png = kPngSignature;
  append_chunk(png, "IHDR", {0, 0, 0, side, 0, 0, 0, side, 8, 0, 0, 0, interlace});
  if (!extra.empty()) append_chunk(png, extra, deflated(Bytes(1 << 20)));
  for (const Bytes& part : parts) append_chunk(png, "IDAT", part);
  append_chunk(png, "IEND", {});
  return png;
}

TEST(Png, ImageDataIsBoundedBeforeItIsDecoded) {
  const auto expect_corrupt = [](const Bytes& bytes, const std::string& words) {
    expect_error([&] { decode_png(bytes, "a.png"); }, ExitCode::corrupt_data, {"a.png", words});
  };
  EXPECT_EQ(decode_png(png_of(1, 0, {deflated({0, 9})}), "a.png").pixels, (Bytes{9, 9, 9}));
  const Bytes bomb = deflated(Bytes(1 << 24));
  expect_corrupt(png_of(1, 0, {bomb}), "more image data than the image has, expected 2 bytes");
  const auto half = bomb.begin() + 3;
  expect_corrupt(png_of(1, 0, {{bomb.begin(), half}, {}, {half, bomb.end()}}), "more image data");
  expect_corrupt(png_of(1, 0, {{'x', 'y', 'z'}}), "does not inflate");
  Bytes huge = with_header(png_of(1, 0, {deflated({0, 9})}), 16, {0, 0, 0x10, 0, 0, 0, 0x10, 0});
  expect_corrupt(huge, "an image of 16781312 bytes");
  // Seven passes over 5x5 pixels: 1 pixel, 1, 2, 2, 3, 6 and 10, each with its filter byte.
  const int64_t rows[] = {1, 1, 1, 2, 1, 3, 2}, columns[] = {1, 1, 2, 1, 3, 2, 5};
  Bytes passes;
  for (int p = 0; p < 7; ++p)
    for (int64_t r = 0; r < rows[p]; ++r) {
      passes.push_back(0);
      passes.insert(passes.end(), size_t(columns[p]), 7);
    }
  EXPECT_EQ(decode_png(png_of(5, 1, {deflated(passes)}), "a.png").pixels, Bytes(75, 7));
  passes.push_back(0);
  expect_corrupt(png_of(5, 1, {deflated(passes)}), "expected 36 bytes");
}

TEST(Png, ALargeOneIsNotCalledDamaged) {
  try {
    decode_png(with_header(encode_png(golden_image()), 16, {0, 0, 0x10, 1}), "a.png");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("damaged"), std::string::npos) << error.what();
  }
}

TEST(Png, AncillaryChunksAreSkipped) {
  EXPECT_EQ(decode_png(png_of(1, 0, {deflated({0, 9})}, "zTXt"), "a.png").pixels, (Bytes{9, 9, 9}));
  expect_error(
      [] {
        decode_png(png_of(1, 0, {deflated({0, 9})}, "CgBI"), "a.png");
      },
      ExitCode::corrupt_data, {"chunk \"CgBI\""});
}

TEST(Png, SurvivesDamage) {
  const Bytes png = encode_png({16, 16, pattern(1, 16, 16, 10).pixels});
  EXPECT_GT(damage(png, 500, [](const Bytes& bytes) { decode_png(bytes, "a.png"); }), 490);
}

}  // namespace
}  // namespace crc::test
