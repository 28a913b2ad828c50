// Every operation against Pillow, bit for bit: tests/golden/augment.txt, made by tests/golden/make_augment.py.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "kernels/augment/apply.h"

namespace crc::augment {
namespace {

uint32_t crc32(const std::vector<uint8_t>& bytes) {
  uint32_t crc = ~0u;
  for (uint8_t b : bytes) {
    crc ^= b;
    for (int k = 0; k < 8; ++k) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  }
  return ~crc;
}

// The images of make_augment.py.
std::vector<uint8_t> generate(const std::string& pattern, int width, int height) {
  std::vector<uint8_t> out;
  uint32_t state = 1;
  const auto noise = [&] { return (state = state * 1664525u + 1013904223u) >> 24; };
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) {
        uint32_t v = 40 + 50 * c;  // flat
        if (pattern == "noise") v = noise();
        if (pattern == "narrow") v = 90 + noise() / 8, v += noise() / 8;
        if (pattern == "ramp") v = (7 * x + 5 * y + 40 * c) % 256;
        if (pattern == "few") v = noise() % 5 * 50 + 3;
        out.push_back(uint8_t(v));
      }
  return out;
}

std::vector<uint8_t> apply_to(const std::string& name, double value, const std::vector<uint8_t>& image, int64_t width,
                              int64_t height) {
  return apply(name, value, View<const uint8_t, 3>{image.data(), {height, width, 3}, {}, "image"});
}

template <class F> std::string message_of(ExitCode code, F&& f) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  return "no error";
}

TEST(AugmentOps, EqualPillow) {
  std::ifstream golden(CRC_SOURCE_DIR "/tests/golden/augment.txt");
  std::set<std::string> seen;
  std::string name, pattern, crc;
  double value;
  int width, height;
  while (golden >> name >> value >> pattern >> width >> height >> crc) {
    const auto result = apply_to(name, value, generate(pattern, width, height), width, height);
    EXPECT_EQ(crc32(result), std::stoul(crc, nullptr, 16))
        << name << " " << value << " on " << pattern << " " << width << "x" << height;
    seen.insert(name);
  }
  for (const OpInfo& op : names()) EXPECT_TRUE(seen.count(op.name)) << op.name << " has no line in augment.txt";
}

uint32_t mix(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

// The images of make_augment_random.py.
std::vector<uint8_t> random_image(uint32_t stream, int side) {
  std::vector<uint8_t> out;
  for (uint32_t n = 0; n < uint32_t(side * side * 3); ++n) {
    const uint32_t h = mix(mix(n) + stream * 0x9e3779b9u) >> 24, x = n / 3 % side, y = n / 3 / side, c = n % 3;
    const uint32_t v[] = {h, 90 + h / 8, h % 5 * 50 + 3, (7 * x + 5 * y + 40 * c + h / 16) % 256};
    out.push_back(uint8_t(v[stream % 4]));
  }
  return out;
}

// 300 random values and images per operation: tests/golden/make_augment_random.py.
TEST(AugmentOps, EqualPillowAtRandom) {
  const std::map<std::string, std::pair<double, double>> ranges{
      {"brightness", {0, 2}}, {"color", {0, 2}},          {"contrast", {0, 2}},       {"sharpness", {0, 2}},
      {"posterize", {1, 9}},  {"rotate", {-360, 360}},    {"shear_x", {-0.3, 0.3}},   {"shear_y", {-0.3, 0.3}},
      {"solarize", {0, 256}}, {"translate_x", {-10, 10}}, {"translate_y", {-10, 10}}, {"cutout", {0, 33}}};
  std::ifstream golden(CRC_SOURCE_DIR "/tests/golden/augment_random.txt");
  std::map<std::string, uint32_t> places;
  std::string name, crc;
  int group, lines = 0;
  for (; golden >> name >> group >> crc; ++lines) {
    const uint32_t place = places.emplace(name, uint32_t(places.size())).first->second;
    const auto range = ranges.find(name);
    const double low = range == ranges.end() ? 0 : range->second.first;
    const double high = range != ranges.end() ? range->second.second : name.starts_with("rescale") ? 0.25 : 0;
    std::vector<uint8_t> results;
    for (int k = 0; k < 30; ++k) {
      const uint32_t stream = (place * 10 + uint32_t(group)) * 30 + uint32_t(k);
      double value = low + (high - low) * (double(mix(stream + 77)) / 4294967296.0);
      if (name == "posterize" || name == "cutout") value = std::floor(value);
      const auto result = apply_to(name, value, random_image(stream, 32), 32, 32);
      results.insert(results.end(), result.begin(), result.end());
    }
    EXPECT_EQ(crc32(results), std::stoul(crc, nullptr, 16)) << name << " group " << group;
  }
  EXPECT_EQ(lines, 10 * int(names().size()));
}

TEST(AugmentOps, NeutralValuesLeaveTheImageAlone) {
  const auto image = generate("noise", 17, 23);
  for (const char* op : {"brightness", "color", "contrast", "sharpness"})
    EXPECT_EQ(apply_to(op, 1, image, 17, 23), image) << op;
  for (const char* op : {"rotate", "shear_x", "shear_y", "translate_x", "translate_y", "identity"})
    EXPECT_EQ(apply_to(op, 0, image, 17, 23), image) << op;
  EXPECT_EQ(apply_to("rotate", 360, image, 17, 23), image);
  EXPECT_EQ(apply_to("posterize", 8, image, 17, 23), image);
  EXPECT_EQ(apply_to("solarize", 256, image, 17, 23), image);
  EXPECT_EQ(apply_to("invert", 0, apply_to("invert", 0, image, 17, 23), 17, 23), image);
}

TEST(AugmentOps, EmptyImage) { EXPECT_TRUE(apply_to("equalize", 0, {}, 0, 5).empty()); }

TEST(AugmentOps, Errors) {
  const auto image = generate("flat", 4, 4);
  const std::string unknown = message_of(ExitCode::usage, [&] { apply_to("posterise", 4, image, 4, 4); });
  EXPECT_EQ(unknown.find("unknown augmentation 'posterise'; choose one of: autocontrast, brightness,"), 0u) << unknown;
  const std::string range = message_of(ExitCode::usage, [&] { apply_to("posterize", 9, image, 4, 4); });
  EXPECT_EQ(range, "posterize: value is 9 (bits kept per channel, rounded down); choose 1 to 8");
  EXPECT_NE(message_of(ExitCode::usage, [&] { apply_to("rotate", NAN, image, 4, 4); }), "no error");
  const std::string size = message_of(ExitCode::config, [&] { apply_to("invert", 0, image, 8193, 0); });
  EXPECT_EQ(size, "invert: the image is 0x8193; scale it to at most 8192 pixels a side");
}

}  // namespace
}  // namespace crc::augment
