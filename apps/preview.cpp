#include "apps/preview.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "apps/canvas.h"
#include "ssl/image_set.h"

namespace crc::apps {
namespace {

struct Column {
  std::string name;
  std::vector<uint8_t> pixels;  // [count, height, width, 3]
};

// The views of the first `count` images that training would draw in `step`, turned back into pixels.
std::vector<uint8_t> views(Context& context, const ssl::ImageSet& images, const ssl::TrainConfig& train, int64_t count,
                           int64_t step, bool strong) {
  augment::AugmentConfig augment = train.weak;
  augment.seed = train.seed;
  augment.purpose = strong ? Purpose::strong_augment : Purpose::weak_augment;
  augment.strong = strong ? train.strong : augment::Policy::none;
  augment.normalize = {.mean = {0, 0, 0}, .std = {1, 1, 1}};
  std::vector<int64_t> ids(static_cast<size_t>(count));
  std::iota(ids.begin(), ids.end(), 0);
  StepState state{};
  state.step = decltype(state.step)(step);
  const Tensor states =
      Tensor::from_host(context, {int64_t(sizeof state)}, reinterpret_cast<const uint8_t*>(&state), "state");
  const Tensor id_tensor = Tensor::from_host(context, {count}, ids.data(), "ids");
  const Tensor y(context, {count, images.height(), images.width(), 3}, Dtype::f32, "views");
  augment::augment_batch(context, y.view<float, 4>(), images.pixels(), id_tensor.view<const int64_t, 1>(),
                         states.as<StepState>(), augment);
  std::vector<uint8_t> pixels;
  for (float v : y.to_host<float>(context)) pixels.push_back(uint8_t(std::lround(v * 255)));
  return pixels;
}

std::string shortened(const std::string& name) { return name.size() <= 12 ? name : name.substr(0, 11) + "."; }

}  // namespace

std::string preview_png(Context& context, const Config& config, const data::Dataset& dataset, int64_t count) {
  constexpr int kWeak = 3, kStrong = 5, kGap = 6, kNames = 96, kHead = 44;
  const data::Images& images = dataset.train;
  const ssl::ImageSet set(context, images.count, images.height, images.width, images.pixels.data(),
                          images.labels.data());
  const ssl::TrainConfig train = train_config(config, dataset, 0);
  std::vector<Column> columns{
      {"image", {images.pixels.begin(), images.pixels.begin() + count * images.bytes_per_image()}}};
  for (int i = 0; i < kWeak; ++i)
    columns.push_back({fmt::format("weak {}", i + 1), views(context, set, train, count, i, false)});
  for (int i = 0; i < kStrong; ++i)
    columns.push_back({fmt::format("strong {}", i + 1), views(context, set, train, count, i, true)});

  const double scale = std::max(1.0, std::floor(64.0 / double(std::max(images.height, images.width))));
  const double width = scale * double(images.width) + kGap, height = scale * double(images.height) + kGap;
  RasterCanvas canvas(kNames + int(width) * int(columns.size()) + kGap, kHead + int(height * double(count)) + kGap, 1);
  canvas.text({8, 18},
              fmt::format("{}: weak = {}crop {}; strong = {}", dataset.name, train.weak.flip ? "flip, " : "",
                          train.weak.crop_pad, config.get<std::string>("ssl.strong")),
              {.size = 12, .bold = true});
  for (size_t c = 0; c < columns.size(); ++c) {
    const double left = kNames + width * double(c);
    canvas.text({left + (width - kGap) / 2, kHead - 8}, columns[c].name, {.size = 11, .align = Align::center});
    for (int64_t i = 0; i < count; ++i)
      canvas.image(
          {left, kHead + height * double(i)}, scale,
          {std::span(columns[c].pixels).subspan(size_t(i * images.bytes_per_image()), size_t(images.bytes_per_image())),
           int(images.width), int(images.height)});
  }
  for (int64_t i = 0; i < count; ++i) {
    const int32_t label = images.labels[size_t(i)];
    const double middle = kHead + height * double(i) + (height - kGap) / 2;
    canvas.text({8, middle}, label < 0 ? "unlabelled" : shortened(dataset.class_names[size_t(label)]), {.size = 11});
    canvas.text({8, middle + 15}, fmt::format("item {}", i), {.size = 10, .ink = Ink::muted});
  }
  return canvas.png();
}

}  // namespace crc::apps
