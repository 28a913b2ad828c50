#include "apps/session/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/config/recipes.h"
#include "apps/rundir/run_state.h"
#include "apps/session/run_data.h"
#include "data/datasets/embedding_files.h"
#include "nn/weights_io.h"

namespace crc::apps {
namespace {

std::unique_ptr<nn::Net> net_of(Model& model, const Context& context) {
  const std::string precision = model.config.get<std::string>("run.precision");
  const bool has = context.device().kind != DeviceKind::cpu || (precision == "bf16" && context.has_bf16());
  if (has) return make_net(model.config, model.dataset);
  if (precision != "fp32" && precision != "auto")
    model.notes.push_back("computed in fp32: " + precision + " needs a CUDA device" +
                          (precision == "bf16" ? " or a CPU with AVX512-BF16" : ""));
  return make_exact_net(model.config, model.dataset);
}

// A run's round, before the data are looked at.
struct LoadedRound {
  RunFiles files;
  RunState run;
  Model model;
};

LoadedRound load_round(const fs::path& path, int64_t wanted, nn::Epoch epoch,
                       const std::vector<std::string>& settings) {
  LoadedRound recorded{.files = RunFiles(path), .run = {}, .model = {}};
  RunFiles& files = recorded.files;
  recorded.run = read_run(files);
  const int64_t finished = int64_t(recorded.run.rounds.size()), round = wanted < 0 ? finished - 1 : wanted;
  if (round < 0 || round >= finished)
    fail(ExitCode::input_missing,
         fmt::format("{} has finished {} rounds, and rounds count from 0: there is no round {} "
                     "to test yet",
                     path.string(), finished, std::max<int64_t>(round, 0)));
  recorded.model.config = resume_config(recorded.run.config, settings);
  const std::string name = weights_name(round, epoch);
  recorded.model.file = decode_weights(files.read(name), (files.path() / name).string());
  return recorded;
}

bool stands_alone(const Model& model) {
  const nn::WeightsInfo& info = model.file.info;
  return info.height > 0 && info.classes > 0 && info.classes == int64_t(info.class_names.size()) && info.normalize &&
         !propagates(model.config);
}

void take_shape(Model& model) {
  model.dataset = data_shape(model.file);
  model.normalize = *model.file.info.normalize;
  std::ranges::copy(model.normalize.mean, model.dataset.normalize.mean);
  std::ranges::copy(model.normalize.std, model.dataset.normalize.std);
}

}  // namespace

Model model_of_run(const fs::path& path, int64_t wanted, nn::Epoch epoch, const std::vector<std::string>& settings) {
  LoadedRound recorded = load_round(path, wanted, epoch, settings);
  Model& model = recorded.model;
  model.dataset = load_run_data(path, recorded.files, model.config, recorded.run.facts, recorded.run.entries).dataset;
  model.dataset.normalize = run_normalization(recorded.run.run, model.dataset);
  model.normalize = normalize_config(model.config, model.dataset);
  check_fits(model.file, weights_info(model.config, model.dataset), ExitCode::corrupt_data, kNotOfThisRun);
  model.labels = model.dataset.train.labels;
  if (model.config.get<double>("data.label_noise") > 0) return std::move(model);  // the data set knows better
  for (const Label& label : standing(recorded.run.entries).labels)
    if (size_t(label.item) < model.labels.size()) model.labels[size_t(label.item)] = int32_t(label.class_index);
  return std::move(model);
}

Model lone_model_of_run(const fs::path& path, int64_t wanted, nn::Epoch epoch,
                        const std::vector<std::string>& settings) {
  LoadedRound recorded = load_round(path, wanted, epoch, settings);
  if (!stands_alone(recorded.model)) return model_of_run(path, wanted, epoch, settings);
  take_shape(recorded.model);
  check_fits(recorded.model.file, weights_info(recorded.model.config, recorded.model.dataset), ExitCode::corrupt_data,
             kNotOfThisRun);
  return std::move(recorded.model);
}

Model lone_model_of_file(const fs::path& weights, const std::vector<std::string>& settings) {
  Model model;
  model.config = resolve_recipe("", settings);
  model.file = read_weights_file(weights);
  model.assumed = adopt_network(model.config, model.file);
  if (!stands_alone(model)) return model_of_file(weights, settings);
  take_shape(model);
  return model;
}

Model model_of_file(const fs::path& weights, const std::vector<std::string>& settings) {
  Model model;
  model.config = resolve_recipe("", settings);
  model.file = read_weights_file(weights);
  model.assumed = adopt_network(model.config, model.file);
  model.dataset = load_dataset(model.config);
  nn::WeightsInfo here = weights_info(model.config, model.dataset);
  const std::string origin = model.config.origin("data.normalize");
  if (model.file.info.normalize && origin == "default") here.normalize = model.file.info.normalize;
  model.normalize = *here.normalize;
  if (!model.file.info.normalize && origin == "default")
    model.assumed["data.normalize"] =
        fmt::format("this data's (mean {} {} {}, std {} {} {})", model.normalize.mean[0], model.normalize.mean[1],
                    model.normalize.mean[2], model.normalize.std[0], model.normalize.std[1], model.normalize.std[2]);
  check_fits(model.file, here, ExitCode::corrupt_data,
             "test it on images as it was trained on, with the same classes in the same order", &model.notes);
  return model;
}

Judge::Judge(Context& context, Model& model, const ssl::ImageSet& pool)
    : net_(net_of(model, context)),
      weights_(context, net_->layout(), "weights"),
      predictor_(context, model.config, model.dataset, pool, model.normalize) {
  for (std::string& note :
       nn::import_weights(context, net_->layout(), weights_.weights(), model.file.tensors, model.file.source))
    model.notes.push_back(std::move(note));
}

ssl::Prediction Judge::predict(const ssl::ImageSet& images, int64_t limit) const {
  return predictor_.predict(*net_, weights_.weights(), images, limit);
}

ssl::ImageSet pool_of(Context& context, const Model& model) {
  const data::Images none{.pixels = {}, .labels = {}};
  const data::Images& pool = propagates(model.config) ? model.dataset.train : none;
  return upload(context, pool, pool.labels);
}

data::Images images_like(const data::Dataset& dataset, int64_t height, int64_t width, std::vector<uint8_t> pixels) {
  const data::Images& train = dataset.train;
  if (train.embedded())
    fail(ExitCode::usage, fmt::format("the run is of embeddings with {} features; give rows of them", train.features));
  if (height != train.height || width != train.width)
    fail(ExitCode::usage, fmt::format("the images are {}x{}, and those of the run are {}x{}; scale them", height, width,
                                      train.height, train.width));
  data::Images images{.height = height, .width = width, .pixels = std::move(pixels), .labels = {}};
  images.count = int64_t(images.pixels.size()) / images.bytes_per_image();
  images.labels.assign(size_t(images.count), -1);
  return images;
}

data::Images rows_like(const data::Dataset& dataset, int64_t features, std::vector<float> rows) {
  const data::Images& train = dataset.train;
  if (!train.embedded())
    fail(ExitCode::usage,
         fmt::format("the run is of images of {}x{}; give them as uint8 [N,H,W,3]", train.height, train.width));
  if (features != train.features)
    fail(ExitCode::usage, fmt::format("the rows have {} features, and those of the run {}", features, train.features));
  const auto wrong = std::ranges::find_if_not(rows, [](float value) { return std::isfinite(value); });
  if (wrong != rows.end())
    fail(ExitCode::usage, fmt::format("feature {} of row {} is {}; every number must be finite",
                                      (wrong - rows.begin()) % features, (wrong - rows.begin()) / features, *wrong));
  if (dataset.scaling) dataset.scaling->apply(rows);
  data::Images images{.pixels = {}, .labels = {}, .features = features};
  images.count = int64_t(rows.size()) / features;
  images.labels.assign(size_t(images.count), -1);
  images.views.push_back(std::move(rows));
  return images;
}

}  // namespace crc::apps
