#include "kernels/augment/apply.h"

#include <fmt/format.h>

#include <algorithm>

namespace crc::augment {
namespace {

void count(const Image& image, Stats& stats) {
  uint32_t counts[3][256] = {};
  for (int i = 0; i < image.width * image.height; ++i)
    for (int c = 0; c < 3; ++c) ++counts[c][image.pixels[i].c[c]];
  for (int c = 0; c < 3; ++c) {
    uint32_t below = 0;
    stats.lowest[c] = 255, stats.highest[c] = 0;
    for (uint32_t v = 0; v < 256; ++v) {
      stats.below[c][v] = below;
      below += counts[c][v];
      if (counts[c][v] == 0) continue;
      stats.lowest[c] = std::min(stats.lowest[c], v);
      stats.highest[c] = v;
    }
  }
}

template <class Op> void run(const PlannedOp& planned, const Image& image, Pixel* out) {
  Stats stats;
  if constexpr (Op::needs == Needs::histogram) count(image, stats);
  if constexpr (Op::needs == Needs::grey_sum) {
    stats.grey_sum = 0;
    for (int i = 0; i < image.width * image.height; ++i) stats.grey_sum += grey(image.pixels[i]);
  }
  const MixedOp<Op> op(planned, image, stats);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) *out++ = op(image, x, y);
}

std::string listed() {
  std::string all;
  for (const OpInfo& op : names()) all.append(all.empty() ? "" : ", ").append(op.name);
  return all;
}

}  // namespace

std::span<const OpInfo> names() {
  static constexpr OpInfo all[] = {
#define CRC_AUGMENT_OP(name, Type) {#name, Type::parameter},
#include "kernels/augment/registry.def"
#undef CRC_AUGMENT_OP
  };
  return all;
}

void apply(const PlannedOp& planned, const Image& image, Pixel* out) {
  switch (planned.op) {
#define CRC_AUGMENT_OP(name, Type) \
  case OpId::name:                 \
    return run<Type>(planned, image, out);
#include "kernels/augment/registry.def"
#undef CRC_AUGMENT_OP
  }
}

std::vector<uint8_t> apply(const std::string& name, double value, View<const uint8_t, 3> image) {
  constexpr int64_t kMaxSide = 8192;  // keeps the coordinates of affine.h in range
  const std::span<const OpInfo> all = names();
  const auto op = std::find_if(all.begin(), all.end(), [&](const OpInfo& o) { return name == o.name; });
  if (op == all.end())
    fail(ExitCode::usage, fmt::format("unknown augmentation '{}'; choose one of: {}", name, listed()));
  const auto [meaning, low, high] = op->parameter;
  if (low < high && !(value >= low && value <= high))
    fail(ExitCode::usage, fmt::format("{}: value is {} ({}); choose {} to {}", name, fmt::to_string(value), meaning,
                                      fmt::to_string(low), fmt::to_string(high)));
  check_shape("augment", image, {-1, -1, 3});
  if (std::max(image.shape[0], image.shape[1]) > kMaxSide)
    fail(ExitCode::config, fmt::format("{}: the image is {}x{}; scale it to at most {} pixels a side", name,
                                       image.shape[0], image.shape[1], kMaxSide));

  std::vector<Pixel> pixels(image.size() / 3), result(pixels.size());
  for (size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = {{image.data[3 * i], image.data[3 * i + 1], image.data[3 * i + 2]}, 255};
  const Image source{pixels.data(), int(image.shape[1]), int(image.shape[0])};
  const PlannedOp planned{
      .op = OpId(op - all.begin()), .value = value, .x = int16_t(source.width / 2), .y = int16_t(source.height / 2)};
  apply(planned, source, result.data());
  std::vector<uint8_t> out;
  out.reserve(image.size());
  for (const Pixel& p : result) out.insert(out.end(), p.c, p.c + 3);
  return out;
}

}  // namespace crc::augment
