// crc_train data make, info, preview, augment
#include <fmt/format.h>

#include <map>

#include "apps/commands/commands.h"
#include "apps/experiment.h"
#include "apps/preview.h"
#include "apps/recipes.h"
#include "data/datasets/cifar10.h"
#include "data/png.h"
#include "kernels/augment/apply.h"

namespace crc::apps {
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

int command_data_preview(const DataOptions& options) {
  const Config config = resolve_recipe("", options.settings);
  const data::Dataset dataset = load_dataset(config);
  Context context = make_context(config, "cpu");
  const int64_t count = std::min(options.count, dataset.train.count);
  commit_file(options.out, preview_png(context, config, dataset, count));
  fmt::print("{}: {} images, each as it is, weakly and strongly ({}) augmented\n", options.out, count,
             config.get<std::string>("ssl.strong"));
  return 0;
}

int command_data_augment(const DataOptions& options) {
  const data::RgbImage image = data::read_png(options.in);
  const View<const uint8_t, 3> view{image.pixels.data(), {image.height, image.width, 3}, {}, "image"};
  commit_file(options.out,
              data::encode_png({image.height, image.width, augment::apply(options.op, options.value, view)}));
  return 0;
}

}  // namespace crc::apps
