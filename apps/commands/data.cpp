// crc_train data make, info, preview, augment
#include <fmt/format.h>

#include <map>

#include "apps/commands/commands.h"
#include "apps/experiment.h"
#include "apps/outputs.h"
#include "apps/preview.h"
#include "apps/recipes.h"
#include "apps/terminal.h"
#include "data/datasets/cifar10.h"
#include "data/png.h"
#include "kernels/augment/apply.h"

namespace crc::apps {
int command_data_make(const DataOptions& options) {
  std::vector<std::string> settings = {"data.name=street_digits"};
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  std::vector<fs::path> files;
  for (const std::string& name : data::cifar10_file_names()) files.push_back(fs::path(options.out) / name);
  const Config config = resolve_recipe("", settings);
  Outputs outputs(files,
                  {.force = options.force, .inputs = {config.get<std::string>("data.dir")}, .makes_folders = true});
  const data::Dataset dataset = load_dataset(config);
  data::encode_cifar10(dataset, [&](const std::string& name, std::span<const uint8_t> bytes) {
    std::erase(files, fs::path(options.out) / name);
    outputs.put(fs::path(options.out) / name, bytes);
  });
  outputs.commit();
  for (const fs::path& other : files) remove_file(other);  // of the set that was replaced
  print("{}: {} training and {} test images of {}x{} in the CIFAR binary layout, fingerprint {}\n", options.out,
        dataset.train.count, dataset.test.count, dataset.train.height, dataset.train.width, dataset.fingerprint);
  return 0;
}

int command_data_info(const DataOptions& options) {
  const data::Dataset d = load_dataset(resolve_recipe("", options.settings));
  print("name         {}\nimages       {} training, {} test, {} validation, {}x{}\nfingerprint  {}\n", d.name,
        d.train.count, d.test.count, d.validation.count, d.train.height, d.train.width, d.fingerprint);
  print("mean         {:.4f} {:.4f} {:.4f}\nstd          {:.4f} {:.4f} {:.4f}\nfrom         {}\n", d.normalize.mean[0],
        d.normalize.mean[1], d.normalize.mean[2], d.normalize.std[0], d.normalize.std[1], d.normalize.std[2],
        d.normalize_source);
  std::map<int32_t, int64_t> counts;
  for (size_t c = 0; c < d.class_names.size(); ++c) counts[int32_t(c)] = 0;  // one without images shows, too
  for (int32_t label : d.train.labels) ++counts[label];
  for (const auto& [label, count] : counts)
    print("class {:>3}    {:>6}  {}\n", label, count, label < 0 ? "unlabelled" : d.class_names[size_t(label)]);
  for (const std::string& note : d.notes) print("note         {}\n", note);
  return 0;
}

int command_data_preview(const DataOptions& options) {
  const Config config = resolve_recipe("", options.settings);
  Outputs outputs({options.out}, {.force = options.force, .inputs = {config.get<std::string>("data.dir")}});
  const data::Dataset dataset = load_dataset(config);
  print_notes(dataset);
  Context context = make_context(config, "cpu");
  const int64_t count = std::min(options.count, dataset.train.count);
  outputs.put(options.out, preview_png(context, config, dataset, count));
  outputs.commit();
  print("{}: {} images, each as it is, weakly and strongly ({}) augmented\n", options.out, count,
        config.get<std::string>("ssl.strong"));
  return 0;
}

int command_data_augment(const DataOptions& options) {
  Outputs outputs({options.out}, {.force = options.force, .inputs = {options.in}});
  const data::RgbImage image = data::read_png(options.in);
  const View<const uint8_t, 3> view{image.pixels.data(), {image.height, image.width, 3}, {}, "image"};
  outputs.put(options.out,
              data::encode_png({image.height, image.width, augment::apply(options.op, options.value, view)}));
  outputs.commit();
  return 0;
}

}  // namespace crc::apps
