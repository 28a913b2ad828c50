#include "data/image.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "data/dataset.h"
#include "data/jpeg.h"
#include "data/png.h"
#include "tests/data/fixture.h"
#include "tests/data/jpeg_file.h"
#include "tests/data/png_chunks.h"

namespace crc::test {
namespace {

using namespace crc::data;

// What quality 100 loses of a smooth image: colours and coefficients are rounded.
constexpr double kLoss = 5;

// Smooth, and different in every corner.
RgbImage smooth(int64_t height, int64_t width) {
  RgbImage image{height, width, {}};
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (const int64_t value : {20 + 200 * y / height, 30 + 180 * x / width, 60 + 90 * (x + y) / (height + width)})
        image.pixels.push_back(uint8_t(value));
  return image;
}

double worst(const RgbImage& a, const RgbImage& b) {
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.width, b.width);
  double worst = 0;
  for (size_t i = 0; i < std::min(a.pixels.size(), b.pixels.size()); ++i)
    worst = std::max(worst, std::abs(double(a.pixels[i]) - b.pixels[i]));
  return worst;
}

// From the standard's words: which side of the scene the first row and the first column of the file are.
RgbImage as_seen(const RgbImage& file, int orientation) {
  const int64_t h = file.height, w = file.width;
  const bool swapped = orientation >= 5;
  RgbImage seen{swapped ? w : h, swapped ? h : w, std::vector<uint8_t>(file.pixels.size())};
  for (int64_t row = 0; row < h; ++row)
    for (int64_t column = 0; column < w; ++column) {
      int64_t y = 0, x = 0;
      switch (orientation) {
        case 1:
          y = row, x = column;
          break;  // top, left
        case 2:
          y = row, x = w - 1 - column;
          break;  // top, right
        case 3:
          y = h - 1 - row, x = w - 1 - column;
          break;  // bottom, right
        case 4:
          y = h - 1 - row, x = column;
          break;  // bottom, left
        case 5:
          x = row, y = column;
          break;  // left, top
        case 6:
          x = h - 1 - row, y = column;
          break;  // right, top
        case 7:
          x = h - 1 - row, y = w - 1 - column;
          break;  // right, bottom
        case 8:
          x = row, y = w - 1 - column;
          break;  // left, bottom
      }
      for (int64_t c = 0; c < 3; ++c)
        seen.pixels[size_t((y * seen.width + x) * 3 + c)] = file.pixels[size_t((row * w + column) * 3 + c)];
    }
  return seen;
}

TEST(Jpeg, IsWhatWasWrittenWhateverItsForm) {
  const RgbImage image = smooth(37, 53);
  for (const bool progressive : {false, true})
    EXPECT_LE(worst(decode_jpeg(encode_jpeg(image, {.quality = 100, .progressive = progressive}), "a.jpg"), image),
              kLoss);
  const RgbImage grey = decode_jpeg(encode_jpeg(image, {.grey = true}), "a.jpg");
  for (size_t i = 0; i < grey.pixels.size(); i += 3) EXPECT_EQ(grey.pixels[i], grey.pixels[i + 2]);
}

TEST(Jpeg, IsTurnedAsItsExifSays) {
  const RgbImage image = smooth(24, 40);
  for (const bool big_endian : {false, true})
    for (int orientation = 1; orientation <= 8; ++orientation) {
      const Bytes bytes = encode_jpeg(image, {.quality = 100, .orientation = orientation, .big_endian = big_endian});
      EXPECT_LE(worst(decode_jpeg(bytes, "a.jpg"), as_seen(image, orientation)), kLoss) << orientation;
    }
  for (const int nonsense : {9, 200})
    EXPECT_LE(worst(decode_jpeg(encode_jpeg(image, {.quality = 100, .orientation = nonsense}), "a.jpg"), image), kLoss);
}

// With a chunk eXIf before the image data: TIFF, of either byte order.
Bytes png_with_exif(const RgbImage& image, uint8_t orientation, bool big_endian) {
  const Bytes little{'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0},
      big{'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0};
  const Bytes plain = encode_png(image);
  const auto header_end = plain.begin() + 33;  // the signature and IHDR
  Bytes png(plain.begin(), header_end);
  append_chunk(png, "eXIf", big_endian ? big : little);
  png.insert(png.end(), header_end, plain.end());
  return png;
}

TEST(PngOrientation, IsHonouredAsAJpegs) {
  const RgbImage image = smooth(24, 40);
  for (const bool big_endian : {false, true})
    for (uint8_t orientation = 1; orientation <= 8; ++orientation) {
      const RgbImage read = decode_png(png_with_exif(image, orientation, big_endian), "a.png");
      EXPECT_EQ(worst(read, as_seen(image, orientation)), 0) << int(orientation);
      EXPECT_EQ(read.orientation, orientation);
    }
  EXPECT_EQ(worst(decode_png(png_with_exif(image, 9, false), "a.png"), image), 0);
  for (const size_t bytes : {0, 1, 7, 8, 9, 20}) {  // a broken one says nothing
    Bytes png = kPngSignature;
    append_chunk(png, "eXIf", Bytes(bytes, 'I'));
    EXPECT_EQ(exif_orientation(std::span(png).subspan(16, bytes)), 1);
  }
}

TEST(PngOrientation, MakesOtherPixelsAndSoOtherData) {
  const TempDir dir;
  const auto fingerprint = [&](uint8_t orientation) {
    write_file(dir / "train/cat/a.png", png_with_exif(smooth(20, 20), orientation, false));
    write_file(dir / "train/dog/a.png", encode_png(smooth(20, 20)));
    return load({"folder", dir.path(), {}}).fingerprint;
  };
  Fingerprint as_before;  // what is not turned keeps its fingerprint
  as_before.add(png_with_exif(smooth(20, 20), 1, false));
  as_before.add("cat");
  as_before.add(encode_png(smooth(20, 20)));
  as_before.add("dog");
  EXPECT_EQ(fingerprint(1), as_before.hex());
  EXPECT_NE(fingerprint(3), fingerprint(1));
}

TEST(ImageKinds, OneAnswerForEachName) {
  const TempDir dir;
  for (const char* name : {"a.png", "b.PNG"}) EXPECT_EQ(kind_of_name(name), ImageKind::png);
  for (const char* name : {"a.jpg", "b.JPEG", "c.jfif"}) EXPECT_EQ(kind_of_name(name), ImageKind::jpeg);
  EXPECT_EQ(kind_of_name("notes.txt"), ImageKind::none);
  write_file(dir / "train/cat/a.png", encode_png(smooth(8, 8)));
  write_file(dir / "train/dog/b.png", encode_png(smooth(8, 8)));
  for (const std::string name : {"c.webp", "c.GIF", "c.tiff", "c.heic"}) {
    EXPECT_EQ(kind_of_name(name), ImageKind::unread);
    const Path file = dir / ("train/cat/" + name);
    write_file(file, std::string("RIFF1234WEBP"));
    const std::string kind = "images of another kind than PNG and JPEG, which cannot be read (convert them)";
    for (const char* side : {"0", "8"}) {  // in class folders
      const Dataset dataset = load({"folder", dir.path(), {{"resize", side}}});
      EXPECT_TRUE(std::ranges::any_of(dataset.notes, [&](const std::string& note) {
        return note ==
               "1 image of another kind than PNG and JPEG, which cannot be read (convert them), is not read: "
               "train/cat/" +
                   name;
      })) << name;
      write_file(dir / "labels.csv",
                 "path,label\ntrain/cat/a.png,cat\ntrain/dog/b.png,dog\ntrain/cat/" + name + ",cat\n");
      expect_error(
          [&] {
            load({"folder", dir.path(), {{"resize", side}}});
          },
          ExitCode::corrupt_data, {name + ": " + kind, "data.unreadable"});  // and in a list
      std::filesystem::remove(dir / "labels.csv");
    }
    std::filesystem::remove(file);
    write_file(dir / ("train/bird/" + name), std::string("x"));
    expect_error(
        [&] {
          load({"folder", dir.path(), {}});
        },
        ExitCode::corrupt_data, {"1 class would be lost", "convert the images to PNG or JPEG"});
    std::filesystem::remove_all(dir / "train/bird");
  }
}

TEST(Jpeg, DecodesSmallerWhereItIsAveragedAnyway) {
  const RgbImage image = smooth(400, 640);
  const Bytes bytes = encode_jpeg(image, {.quality = 100});
  const RgbImage quarter = decode_jpeg(bytes, "a.jpg", 50);
  EXPECT_EQ(quarter.height, 100);  // twice 50
  EXPECT_EQ(decode_jpeg(bytes, "a.jpg", 201).height, 400);
  EXPECT_LE(worst(resize(quarter, 50, Crop::center), resize(image, 50, Crop::center)), kLoss);
}

TEST(Jpeg, DamagedFilesAreRefusedByName) {
  const Bytes bytes = encode_jpeg(smooth(64, 64));
  std::mt19937 random(1);
  const auto refused = [&](const Bytes& damaged) {
    try {
      decode_jpeg(damaged, "bad.jpg");
      return false;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::corrupt_data);
      EXPECT_NE(std::string(error.what()).find("bad.jpg"), std::string::npos);
      return true;
    }
  };
  for (size_t cut = 0; cut < bytes.size() - 2; cut += 17)
    EXPECT_TRUE(refused({bytes.begin(), bytes.begin() + std::ptrdiff_t(cut)})) << cut;
  for (int k = 0; k < 500; ++k) {  // whatever happens, it ends, and with these words
    Bytes damaged = bytes;
    for (int n = 0; n < 8; ++n) damaged[2 + random() % (damaged.size() - 2)] = uint8_t(random());
    (void)refused(damaged);
  }
}

TEST(Resize, IsTheMeanOfTheAreaThatAPixelCovers) {
  std::mt19937 random(7);
  for (const auto& [h, w, side] : {std::array<int64_t, 3>{5, 7, 3}, {3, 3, 7}, {64, 48, 10}, {1, 9, 4}, {8, 8, 8}}) {
    RgbImage image{h, w, {}};
    for (int64_t i = 0; i < h * w * 3; ++i) image.pixels.push_back(uint8_t(random()));
    const RgbImage small = resize(image, side, Crop::stretch);
    ASSERT_EQ(small.pixels.size(), size_t(side * side * 3));
    for (int64_t j = 0; j < side; ++j)
      for (int64_t i = 0; i < side; ++i)
        for (int64_t c = 0; c < 3; ++c) {
          double sum = 0;
          for (int64_t y = 0; y < h; ++y)
            for (int64_t x = 0; x < w; ++x) {
              const auto overlap = [side](int64_t at, int64_t part, int64_t length) {
                const double a = double(part) * double(length) / double(side), b = a + double(length) / double(side);
                return std::max(0.0, std::min(b, double(at + 1)) - std::max(a, double(at)));
              };
              sum += overlap(y, j, h) * overlap(x, i, w) * image.pixels[size_t((y * w + x) * 3 + c)];
            }
          const double mean = sum * double(side * side) / double(h * w);
          EXPECT_LE(std::abs(double(small.pixels[size_t((j * side + i) * 3 + c)]) - mean), 0.5 + 1e-9);
        }
  }
}

TEST(Resize, CutsOrPadsWhatIsNotSquare) {
  RgbImage wide{2, 6, {}};
  for (int k = 0; k < 12; ++k) wide.pixels.insert(wide.pixels.end(), {uint8_t(10 * k), 0, 1});
  const RgbImage center = resize(wide, 2, Crop::center), pad = resize(wide, 6, Crop::pad);
  EXPECT_EQ(center.pixels[0], 20);  // columns 2 and 3
  EXPECT_EQ(center.pixels[9], 90);
  EXPECT_EQ(pad.pixels[0], 0);
  EXPECT_EQ(pad.pixels[2 * 6 * 3 + 3], 10);  // row 2 is the first
  EXPECT_EQ(pad.pixels[4 * 6 * 3 + 2], 0);   // row 4 is a bar
}

class MixedFolder : public testing::Test {
 protected:
  MixedFolder() {
    write_file(dir_ / "train/cat/a.png", encode_png(smooth(20, 30)));
    write_file(dir_ / "train/cat/b.JPG", encode_jpeg(smooth(90, 40), {.orientation = 6}));
    write_file(dir_ / "train/dog/c.jpeg", encode_jpeg(smooth(16, 16), {.grey = true}));
    write_file(dir_ / "train/dog/d.jpg", Bytes{0xff, 0xd8, 0xff, 0xe0, 1, 2});
  }
  Dataset load_it(std::map<std::string, std::string> options) {
    return load({"folder", dir_.path(), std::move(options)});
  }
  const TempDir dir_;
};

TEST_F(MixedFolder, BecomesOneSize) {
  const Dataset dataset = load_it({{"resize", "8"}, {"unreadable", "skip"}});
  EXPECT_EQ(dataset.train.names, (std::vector<std::string>{"train/cat/a.png", "train/cat/b.JPG", "train/dog/c.jpeg"}));
  EXPECT_EQ(dataset.train.height, 8);
  EXPECT_TRUE(std::ranges::equal(dataset.train.image(0), resize(smooth(20, 30), 8, Crop::center).pixels));
  EXPECT_TRUE(std::ranges::any_of(dataset.notes, [](const std::string& note) {
    return note.find("1 file cannot be read and is left out") != note.npos && note.find("d.jpg") != note.npos;
  }));
}

TEST_F(MixedFolder, SaysWhatItNeeds) {
  expect_error([&] { load_it({{"resize", "8"}}); }, ExitCode::corrupt_data, {"d.jpg", "data.unreadable = \"skip\""});
  expect_error([&] { load_it({}); }, ExitCode::corrupt_data, {"1 class would be lost", "dog", "set data.resize"});
  write_file(dir_ / "train/dog/e.png", encode_png(smooth(9, 9)));
  expect_error([&] { load_it({}); }, ExitCode::corrupt_data, {"9x9 pixels", "data.resize makes them one size"});
}

}  // namespace
}  // namespace crc::test
