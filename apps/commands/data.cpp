// crc_train data make, info, preview
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "apps/commands/commands.h"
#include "apps/experiment.h"
#include "apps/recipes.h"
#include "data/contact_sheet.h"
#include "data/datasets/cifar10.h"
#include "ssl/image_set.h"

namespace crc::apps {
namespace {

// Views of the first images as training would see them, turned back into pixels.
std::vector<uint8_t> views(Context& context, const Config& config, const data::Dataset& dataset, int64_t count,
                           bool strong) {
  const data::Images& images = dataset.train;
  const ssl::ImageSet set(context, images.count, images.height, images.width, images.pixels.data(),
                          images.labels.data());
  const ssl::TrainConfig train = train_config(config, dataset, 0);
  augment::AugmentConfig augment = train.weak;
  augment.seed = train.seed;
  augment.purpose = strong ? Purpose::strong_augment : Purpose::weak_augment;
  augment.strong = strong ? train.strong : augment::Policy::none;
  augment.normalize = {.mean = {0, 0, 0}, .std = {1, 1, 1}};
  std::vector<int64_t> ids(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) ids[size_t(i)] = i;
  const StepState zero{};
  const Tensor state =
      Tensor::from_host(context, {int64_t(sizeof zero)}, reinterpret_cast<const uint8_t*>(&zero), "state");
  const Tensor id_tensor = Tensor::from_host(context, {count}, ids.data(), "ids");
  const Tensor y(context, {count, images.height, images.width, 3}, Dtype::f32, "views");
  augment::augment_batch(context, y.view<float, 4>(), set.pixels(), id_tensor.view<const int64_t, 1>(),
                         View<const StepState, 1>(state.as<StepState>()), augment);
  std::vector<uint8_t> pixels;
  for (float v : y.to_host<float>(context)) pixels.push_back(uint8_t(std::lround(v * 255)));
  return pixels;
}

}  // namespace

int command_data_make(const DataOptions& options) {
  std::vector<std::string> settings = {"data.name=street_digits"};
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  const data::Dataset dataset = load_dataset(resolve_recipe("", settings));
  data::write_cifar10(options.out, dataset);
  fmt::print("{}: {} training and {} test images of {}x{} in the CIFAR binary layout, fingerprint {}\n", options.out,
             dataset.train.count, dataset.test.count, dataset.train.height, dataset.train.width, dataset.fingerprint);
  return 0;
}

int command_data_info(const DataOptions& options) {
  const data::Dataset d = load_dataset(resolve_recipe("", options.settings));
  fmt::print("name         {}\nimages       {} training, {} test, {} validation, {}x{}\nfingerprint  {}\n", d.name,
             d.train.count, d.test.count, d.validation.count, d.train.height, d.train.width, d.fingerprint);
  fmt::print("mean         {:.4f} {:.4f} {:.4f}\nstd          {:.4f} {:.4f} {:.4f}\n", d.normalize.mean[0],
             d.normalize.mean[1], d.normalize.mean[2], d.normalize.std[0], d.normalize.std[1], d.normalize.std[2]);
  std::map<int32_t, int64_t> counts;
  for (int32_t label : d.train.labels) ++counts[label];
  for (const auto& [label, count] : counts)
    fmt::print("class {:>3}    {:>6}  {}\n", label, count, label < 0 ? "unlabelled" : d.class_names[size_t(label)]);
  return 0;
}

// Per row five images, each as it is, weakly and strongly augmented.
int command_data_preview(const DataOptions& options) {
  const Config config = resolve_recipe("", options.settings);
  const data::Dataset dataset = load_dataset(config);
  const int64_t count = std::min(options.count, dataset.train.count);
  Context context = Context::cpu();
  const std::vector<uint8_t> weak = views(context, config, dataset, count, false),
                             strong = views(context, config, dataset, count, true);
  const size_t bytes = size_t(dataset.train.bytes_per_image());
  std::vector<data::Tile> tiles;
  for (int64_t i = 0; i < count; ++i) {
    tiles.push_back({dataset.train.image(i), data::Color::black});
    tiles.push_back({std::span(weak).subspan(size_t(i) * bytes, bytes), data::Color::sky_blue});
    tiles.push_back({std::span(strong).subspan(size_t(i) * bytes, bytes), data::Color::vermilion});
  }
  const data::Bytes png = data::encode_png(
      data::contact_sheet(tiles, dataset.train.height, dataset.train.width, {.columns = 15, .scale = 2}));
  commit_file(options.out, {reinterpret_cast<const char*>(png.data()), png.size()});
  fmt::print("{}: {} images; black frame: as it is, blue: weak view, red: strong view ({})\n", options.out, count,
             config.get<std::string>("ssl.strong"));
  return 0;
}

}  // namespace crc::apps
