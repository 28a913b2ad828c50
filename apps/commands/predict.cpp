// crc_train predict
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/base/outputs.h"
#include "apps/base/progress.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/session/model.h"
#include "data/csv.h"
#include "data/datasets/folder_files.h"
#include "data/image.h"
#include "data/npy.h"
#include "data/png.h"
#include "kernels/core/host_softmax.h"
#include "ssl/temperature.h"

namespace crc::apps {
namespace {

struct PredictOptions {
  std::string network;              // a run directory, or a weights file
  std::vector<std::string> inputs;  // images, folders of them, or one .npy file
  std::string out, probabilities;
  int64_t round = -1;  // -1: the last finished one
  nn::Epoch model = nn::Epoch::last;
  double temperature = 1;
  bool calibrate = false, skip = false, force = false, quiet = false;
  std::vector<std::string> settings;
};

constexpr int64_t kAtOnce = 1024;  // items; bounds the memory

// What is to be predicted, some items at a time.
struct Inputs {
  std::vector<std::string> names;
  std::function<data::Images(int64_t begin, int64_t end, std::vector<std::string>& kept)> read;  // `kept`: their names
  int64_t resized = 0;               // of those read: images that had another size
  std::vector<std::string> skipped;  // cannot be read, and why (--skip-unreadable)
};

data::RgbImage fitted(data::RgbImage image, const Model& model, const fs::path& path, int64_t& resized) {
  const data::Images& like = model.dataset.train;
  if (image.height == like.height && image.width == like.width) return image;
  if (like.height != like.width)
    fail(ExitCode::config, fmt::format("{} is {}x{}, and the network was trained on {}x{}; bring it to that size",
                                       path.string(), image.height, image.width, like.height, like.width));
  ++resized;
  return data::resize(std::move(image), like.height, data::crop_called(model.config.get<std::string>("data.crop")));
}

// Folders stand for the images below them; names are relative to the one folder, or as they were given.
void list_files(Inputs& inputs, const PredictOptions& options, const Model& model) {
  std::vector<fs::path> files;
  const bool one_folder = options.inputs.size() == 1 && data::is_folder(options.inputs[0]);
  for (const std::string& input : options.inputs)
    if (!data::is_folder(input)) {
      files.push_back(input);
    } else {
      const std::vector<fs::path> found = data::image_tree(input);
      if (found.empty()) fail(ExitCode::input_missing, "no PNG or JPEG file lies below " + input);
      files.insert(files.end(), found.begin(), found.end());
    }
  for (const fs::path& file : files)
    inputs.names.push_back(one_folder ? file.lexically_relative(options.inputs[0]).generic_string() : file.string());
  inputs.read = [&inputs, &model, files, skip = options.skip](int64_t begin, int64_t end,
                                                              std::vector<std::string>& kept) {
    const data::Images& like = model.dataset.train;
    std::vector<uint8_t> pixels;
    for (int64_t i = begin; i < end; ++i) try {
        const data::RgbImage image = fitted(data::decode_image(data::read_file(files[i], data::kMostPngBytes), files[i],
                                                               like.height == like.width ? like.height : 0),
                                            model, files[i], inputs.resized);
        pixels.insert(pixels.end(), image.pixels.begin(), image.pixels.end());
        kept.push_back(inputs.names[i]);
      } catch (const Error& error) {
        if (error.code() != ExitCode::corrupt_data && error.code() != ExitCode::input_missing) throw;
        if (!skip) fail(error.code(), fmt::format("{}; or leave such files out: --skip-unreadable", error.what()));
        inputs.skipped.push_back(data::legible(std::string(error.what())));
      }
    return images_like(model.dataset, like.height, like.width, std::move(pixels));
  };
}

void list_rows(Inputs& inputs, const fs::path& path, const Model& model) {
  const auto array = std::make_shared<data::NpyArray>(data::read_npy(path));
  const bool images = array->shape.size() == 4;
  if (array->shape.size() != 2 && !(images && array->shape[3] == 3))
    fail(ExitCode::corrupt_data, fmt::format("{} is {}; expected uint8 images [N,H,W,3] or rows of features [N,D]",
                                             path.string(), array->describe()));
  if (images) array->as<uint8_t>();
  for (int64_t i = 0; i < array->shape[0]; ++i) inputs.names.push_back(std::to_string(i));
  inputs.read = [&inputs, array, images, &model](int64_t begin, int64_t end, std::vector<std::string>& kept) {
    kept.insert(kept.end(), inputs.names.begin() + begin, inputs.names.begin() + end);
    if (images) {
      const std::span<const uint8_t> all = array->as<uint8_t>();
      const int64_t bytes = array->shape[1] * array->shape[2] * 3;
      return images_like(model.dataset, array->shape[1], array->shape[2],
                         {all.begin() + begin * bytes, all.begin() + end * bytes});
    }
    std::vector<float> rows(size_t((end - begin) * array->shape[1]));
    array->read_rows(begin, end, rows.data());
    return rows_like(model.dataset, array->shape[1], std::move(rows));
  };
}

// Of the held-out items of the run's data, which the network has not seen.
double fitted_temperature(Context& context, Model& model, const Judge& judge) {
  const data::Images& held_out = model.dataset.validation;
  if (held_out.count == 0)
    fail(ExitCode::config,
         "--calibrate needs the directory of a run with items that its network has not seen "
         "(data.validation_size); or name a number yourself (--temperature)");
  const std::vector<int32_t> labels = validation_labels(model.config, model.dataset);
  const ssl::Prediction p = judge.predict(upload(context, held_out, labels));
  return ssl::fit_temperature(p.logits.to_host<float>(context), labels, model.dataset.classes());
}

// softmax(logits / T), in place.
void to_probabilities(std::vector<float>& logits, int64_t classes, double temperature) {
  std::vector<double> row(static_cast<size_t>(classes));
  for (size_t i = 0; i < logits.size(); i += size_t(classes)) {
    for (int64_t c = 0; c < classes; ++c) row[c] = double(logits[i + c]) / temperature;
    const HostSoftmax softmax(std::span<const double>{row});
    for (int64_t c = 0; c < classes; ++c) logits[i + c] = float(softmax.p(row[c]));
  }
}

std::string class_name(const data::Dataset& dataset, int64_t c) {
  return dataset.class_names[c].empty() ? std::to_string(c) : dataset.class_names[c];
}

std::string table_of(const data::Dataset& dataset, const std::vector<std::string>& names, const std::vector<float>& p) {
  std::vector<std::string> heading{"item", "class", "probability"};
  const int64_t classes = dataset.classes();
  for (int64_t c = 0; c < classes; ++c) heading.push_back("p " + class_name(dataset, c));
  data::CsvWriter csv(heading);
  for (size_t i = 0; i < names.size(); ++i) {
    const float* row = &p[i * size_t(classes)];
    const int64_t best = std::max_element(row, row + classes) - row;
    csv.text(names[i]).text(class_name(dataset, best)).number(fmt::format("{}", row[best]));
    for (int64_t c = 0; c < classes; ++c) csv.number(fmt::format("{}", row[c]));
    csv.end_row();
  }
  return csv.str();
}

// [N,C] of the items that can be read, whose names are `kept`.
std::vector<float> logits_of(Context& context, const Judge& judge, const Inputs& inputs, std::vector<std::string>& kept,
                             bool quiet) {
  Progress progress(ProgressOptions::for_stderr(quiet, 30, {}));
  std::vector<float> all;
  const int64_t count = int64_t(inputs.names.size());
  for (int64_t begin = 0; begin < count; begin += kAtOnce) {
    progress.update({.label = "predict", .done = begin, .total = count, .detail = ""});
    const data::Images images = inputs.read(begin, std::min(count, begin + kAtOnce), kept);
    if (images.count == 0) continue;
    const std::vector<float> logits =
        judge.predict(upload(context, images, images.labels)).logits.to_host<float>(context);
    for (size_t k = 0; k < logits.size(); ++k)
      if (!std::isfinite(logits[k]))
        fail(ExitCode::numerical,
             fmt::format("a logit of {} is {}: the network overflows on it",
                         kept[kept.size() - size_t(images.count) + k * size_t(images.count) / logits.size()],
                         logits[k]));
    all.insert(all.end(), logits.begin(), logits.end());
  }
  if (kept.empty())
    fail(ExitCode::corrupt_data, "none of the files can be read: " + data::join_first(inputs.skipped, 3));
  return all;
}

void summarize(const Model& model, const Inputs& inputs, const std::vector<float>& p, double temperature,
               int64_t held_out) {
  const int64_t classes = model.dataset.classes();
  std::vector<int64_t> predicted(static_cast<size_t>(classes));
  for (size_t i = 0; i < p.size(); i += size_t(classes)) ++predicted[std::max_element(&p[i], &p[i] + classes) - &p[i]];
  for (int64_t c = 0; c < classes; ++c) print("{:>8}  {}\n", predicted[c], class_name(model.dataset, c));
  if (temperature != 1) print("note: probabilities are softmax(logits / {:.4g})\n", temperature);
  if (held_out > 0) print("note: fitted to {} held-out items{}\n", held_out, ssl::temperature_note(temperature));
  if (inputs.resized > 0)
    print("note: {} brought to {}x{} (data.crop = {})\n",
          data::counted(inputs.resized, "image had another size and was", "images had another size and were"),
          model.dataset.train.height, model.dataset.train.width, model.config.get<std::string>("data.crop"));
  if (!inputs.skipped.empty())
    print("note: {}: {}\n",
          data::counted(int64_t(inputs.skipped.size()), "file cannot be read and is left out",
                        "files cannot be read and are left out"),
          data::join_first(inputs.skipped, 5));
  for (const std::string& note : model.notes) print("note: {}\n", note);
  if (!model.assumed.empty())
    print("assumed: {}; the file does not say it: --set what is not so\n", to_text(model.assumed));
}

int command_predict(const PredictOptions& options) {
  std::vector<fs::path> sources{options.network};
  sources.insert(sources.end(), options.inputs.begin(), options.inputs.end());
  Outputs outputs({options.out, options.probabilities}, {.force = options.force, .inputs = sources});
  const bool of_run = data::is_folder(options.network);
  Model model = !of_run ? lone_model_of_file(options.network, options.settings)
                : options.calibrate
                    ? model_of_run(options.network, options.round, options.model, options.settings)
                    : lone_model_of_run(options.network, options.round, options.model, options.settings);
  Inputs inputs;
  if (options.inputs.size() == 1 && options.inputs[0].ends_with(".npy"))
    list_rows(inputs, options.inputs[0], model);
  else
    list_files(inputs, options, model);
  Context context = make_context(model.config);
  const ssl::ImageSet pool = pool_of(context, model);
  const Judge judge(context, model, pool);
  const double temperature = options.calibrate ? fitted_temperature(context, model, judge) : options.temperature;
  std::vector<std::string> names;
  std::vector<float> p = logits_of(context, judge, inputs, names, options.quiet);
  const int64_t classes = model.dataset.classes();
  to_probabilities(p, classes, temperature);
  outputs.put(options.out, table_of(model.dataset, names, p));
  if (!options.probabilities.empty())
    outputs.put(options.probabilities,
                data::encode_npy<float>(p, std::vector<int64_t>{int64_t(names.size()), classes}));
  outputs.commit();
  if (options.quiet) return 0;
  summarize(model, inputs, p, temperature, options.calibrate ? model.dataset.validation.count : 0);
  print("wrote {}\n", options.out);
  return 0;
}

}  // namespace

void declare_predict(Command& program, CommandCall& call) {
  const auto o = std::make_shared<PredictOptions>();
  Command predict = program.command("predict", "a trained network's classes and probabilities for any images");
  predict.examples(
      "  crc_train predict runs/a photos/ --out p.csv                    a row for each image\n"
      "  crc_train predict runs/a a.jpg b.png --out p.csv                some images\n"
      "  crc_train predict W.safetensors images.npy --out p.csv          by a weights file; uint8 [N,H,W,3]\n"
      "  crc_train predict runs/a photos/ --out p.csv --calibrate        probabilities that fit the held-out items\n");
  predict.option("network", o->network, "a run directory, or a weights file (.safetensors)").required();
  predict
      .option("inputs", o->inputs,
              "PNG and JPEG files, folders of them, or one .npy file: uint8 images [N,H,W,3] or rows of features [N,D]")
      .required();
  predict.option("--out", o->out, "CSV file: item, class, probability, and the probability of each class").required();
  predict.option("--probabilities", o->probabilities, "write the probabilities [N,C] to this .npy file");
  predict.option("--round", o->round, "of a run; default: the last finished one").in(0, 100000);
  predict.choice("--model", o->model, "last or best epoch of that round");
  CommandOption heat = predict.option("--temperature", o->temperature, "divide logits by it").between(1e-6, 1e6);
  predict.flag("--calibrate", o->calibrate, "by the one that fits the run's held-out items best (needs its data)")
      .excludes(heat);
  predict.flag("--skip-unreadable", o->skip, "name files that cannot be read, and go on without them");
  add_force(predict, o->force);
  predict.flag("--quiet,-q", o->quiet, "nothing but errors");
  add_settings(predict, o->settings);
  predict.run([o, &call] { call.code = command_predict(*o); });
}

}  // namespace crc::apps
