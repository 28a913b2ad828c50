#include "data/datasets/two_moons.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "kernels/core/random.h"

namespace crc::data {
namespace {

constexpr int kMoonsVersion = 1;  // enters the fingerprint

MoonPoint on_arc(int32_t label, double t) {
  if (label == 0) return {std::cos(t), std::sin(t), 0};
  return {1 - std::cos(t), 0.5 - std::sin(t), 1};
}

Images render(uint32_t seed, MoonSplit split, int64_t count, double noise) {
  Images images{count, kMoonHeight, kMoonWidth, {}, std::vector<int32_t>(static_cast<size_t>(count))};
  images.pixels.resize(size_t(count * images.bytes_per_image()));
  for (int64_t i = 0; i < count; ++i) {
    const MoonPoint point = moon_point(seed, split, i, noise);
    images.labels[size_t(i)] = point.label;
    render_moon_point(point.x, point.y, images.pixels.data() + i * images.bytes_per_image());
  }
  return images;
}

Dataset load_two_moons(const Source&, Options& options) {
  const int64_t train = options.integer("train", 1000, kMoonPivots, 1'000'000);
  const int64_t test = options.integer("test", 1000, 0, 1'000'000);
  const uint32_t seed = uint32_t(options.integer("seed", 1, 0, UINT32_MAX));
  Dataset dataset;
  dataset.class_names = {"upper", "lower"};
  dataset.train = render(seed, MoonSplit::train, train, kMoonNoise);
  dataset.test = render(seed, MoonSplit::test, test, kMoonNoise);
  dataset.normalize = measure(dataset.train);
  Fingerprint fingerprint;
  fingerprint.add(fmt::format("two_moons version={} train={} test={} seed={} noise={}", kMoonsVersion, train, test,
                              seed, kMoonNoise));
  dataset.fingerprint = fingerprint.hex();
  return dataset;
}

}  // namespace

MoonPoint moon_point(uint32_t seed, MoonSplit split, int64_t i, double noise) {
  constexpr double pi = std::numbers::pi;
  if (split == MoonSplit::train && i < kMoonPivots) return on_arc(int32_t(i % 2), pi * (i < 2 ? 0.5 : 0.85));
  Draws draws(seed, Purpose::dataset, i, int64_t(split));
  const int32_t label = int32_t(draws.below(2));
  MoonPoint point = on_arc(label, pi * double(draws.uniform()));
  const NormalPair off = draws.normals(noise);
  point.x += off.x();
  point.y += off.y();
  return point;
}

void render_moon_point(double x, double y, uint8_t* pixels) {
  constexpr double kWidth = 1.2;  // standard deviation of the dot, in pixels
  const double column = (x - kMoonLeft) / kMoonPixel - 0.5, row = (kMoonTop - y) / kMoonPixel - 0.5;
  for (int64_t r = 0; r < kMoonHeight; ++r)
    for (int64_t c = 0; c < kMoonWidth; ++c) {
      const double d2 = (double(r) - row) * (double(r) - row) + (double(c) - column) * (double(c) - column);
      const uint8_t value = uint8_t(std::lround(255 * std::exp(-d2 / (2 * kWidth * kWidth))));
      for (int channel = 0; channel < 3; ++channel) *pixels++ = value;
    }
}

namespace datasets {
const DatasetEntry two_moons = {
    "two_moons",
    "built-in points on two half circles, as 16x20 images of a dot; items 0 to 3 are the pivots",
    "generated, no download",
    "none",
    "train=1000 test=1000 seed=1",
    load_two_moons};
}  // namespace datasets

}  // namespace crc::data
