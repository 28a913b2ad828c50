// crc_train data make, info, preview, augment
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <numeric>

#include "apps/base/outputs.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/config/recipes.h"
#include "apps/draw/canvas.h"
#include "apps/train/experiment.h"
#include "data/datasets/cifar10.h"
#include "data/png.h"
#include "kernels/augment/apply.h"
#include "ssl/image_set.h"

namespace crc::apps {
namespace {

struct DataOptions {
  std::string out;  // make: directory; preview, augment: PNG
  int64_t count = 12;
  std::string in, op;  // augment
  double value = 0;
  bool force = false;
  std::vector<std::string> settings;
};

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

// What training sees: the first `count` training images, one per row, each as it is and in several weak and strong
// views, drawn by the code and with the settings of training; a PNG.
std::string preview_png(Context& context, const Config& config, const data::Dataset& dataset, int64_t count) {
  constexpr int kWeak = 3, kStrong = 5, kGap = 6, kNames = 96, kHead = 44;
  const data::Images& images = dataset.train;
  const ssl::ImageSet set = upload(context, images, images.labels);
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
  const std::string shape = d.train.embedded() ? fmt::format("{} features", d.train.features)
                                               : fmt::format("{}x{}", d.train.height, d.train.width);
  print("name         {}\n{}       {} training, {} test, {} validation, {}\nfingerprint  {}\n", d.name,
        d.train.embedded() ? "rows  " : "images", d.train.count, d.test.count, d.validation.count, shape,
        d.fingerprint);
  print("mean         {:.4f} {:.4f} {:.4f}\nstd          {:.4f} {:.4f} {:.4f}\nfrom         {}\n", d.normalize.mean[0],
        d.normalize.mean[1], d.normalize.mean[2], d.normalize.std[0], d.normalize.std[1], d.normalize.std[2],
        d.normalize_source);
  std::map<int32_t, int64_t> counts;
  for (size_t c = 0; c < d.class_names.size(); ++c) counts[int32_t(c)] = 0;  // one without images shows, too
  for (int32_t label : d.train.labels) ++counts[label];
  for (const auto& [label, count] : counts)
    print("class {:>3}    {:>6}  {}\n", label, count,
          label < 0 ? "unlabelled" : data::legible(d.class_names[size_t(label)]));
  for (const std::string& note : d.notes) print("note         {}\n", note);
  if (const std::string words = augment::too_large(d.train.height, d.train.width); !words.empty())
    print("note         {} (data.resize, of your own files)\n", words);
  return 0;
}

int command_data_preview(const DataOptions& options) {
  const Config config = resolve_recipe("", options.settings);
  Outputs outputs({options.out}, {.force = options.force, .inputs = {config.get<std::string>("data.dir")}});
  const data::Dataset dataset = load_dataset(config);
  print_notes(dataset);
  if (dataset.train.embedded()) fail(ExitCode::config, dataset.name + " has no images to look at");
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

}  // namespace

void declare_data(Command& program, CommandCall& call) {
  const auto o = std::make_shared<DataOptions>();
  Command data = program.command("data", "make, describe and look at data sets");
  data.examples(
      "  crc_train data info --set data.name=folder --set data.dir=photos    sizes, classes, and what is not read\n"
      "  crc_train data preview grid.png --set data.dir=DIR                  images with their weak and strong views\n"
      "  crc_train data make DIR --set data.train_size=2000                  the built-in digits, as CIFAR-10 has its "
      "files\n"
      "  crc_train data augment --op posterize --value 4 in.png out.png      one operation, as training does it\n");
  data.needs_command();
  const auto data_command = [&, o](const char* name, const char* description, int (*command)(const DataOptions&)) {
    Command sub = data.command(name, description);
    add_settings(sub, o->settings);
    sub.run([o, command, &call] { call.code = command(*o); });
    return sub;
  };
  Command make =
      data_command("make", "write the built-in street-digits set in the CIFAR binary layout", command_data_make);
  make.option("directory", o->out, "where to").required();
  add_force(make, o->force);
  data_command("info", "sizes, classes, statistics and checksum of a data set", command_data_info);
  Command preview =
      data_command("preview", "a labelled grid of images with their weak and strong views", command_data_preview);
  preview.option("png", o->out, "PNG file to write").required();
  add_force(preview, o->force);
  preview.option("--count", o->count, "images").in(1, 1000).shows_default();

  Command augment = data.command("augment", "one augmentation operation on one PNG, as training does it");
  augment.option("--op", o->op, "operation (crc_train list)").required();
  augment.option("--value", o->value, "the operation's own parameter: factor, bits, threshold, degrees, ...");
  augment.option("in", o->in, "PNG file to read").required();
  augment.option("out", o->out, "PNG file to write").required();
  add_force(augment, o->force);
  augment.run([o, &call] { call.code = command_data_augment(*o); });
}

}  // namespace crc::apps
