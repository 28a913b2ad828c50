#include "apps/train/experiment.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <sstream>

#include "apps/base/terminal.h"
#include "apps/config/choices.h"
#include "apps/config/method_keys.h"
#include "apps/ranks/orders.h"
#include "kernels/core/random.h"
#include "nn/mlp.h"
#include "nn/wrn.h"
#include "ssl/method.h"

namespace crc::apps {
namespace {

using Text = std::string;
using Int = int64_t;

void limit(data::Images& images, Int count) {
  if (count == 0 || count >= images.count) return;
  images.count = count;
  images.pixels.resize(size_t(count * images.bytes_per_image()));
  images.labels.resize(size_t(count));
  for (std::vector<float>& view : images.views) view.resize(size_t(count * images.features));
  if (!images.names.empty()) images.names.resize(size_t(count));
}

// "name=value name=value"
void add_options(std::map<Text, Text>& options, const Text& words) {
  std::istringstream in(words);
  for (Text word; in >> word;) {
    const size_t equals = word.find('=');
    if (equals == 0 || equals == word.npos)
      fail(ExitCode::config, fmt::format("data.options = {}: {} is not of the form name=value", data::in_quotes(words),
                                         data::in_quotes(word)));
    if (!options.emplace(word.substr(0, equals), word.substr(equals + 1)).second)
      fail(ExitCode::config, fmt::format("data.options = {}: option {} is given twice, or by another key of [data] too",
                                         data::in_quotes(words), word.substr(0, equals)));
  }
}

BatchNormConfig norm_config(const Config& config) {
  return {.momentum = float(config.get<double>("model.bn_momentum")),
          .eps = float(config.get<double>("model.bn_eps")),
          .slope = float(config.get<double>("model.slope")),
          .offset = float(config.get<double>("model.bn_offset"))};
}

Sampling sampling(const Config& config, const char* stream) {
  return config.choice<Sampling>(config.get<Text>(stream).empty() ? "ssl.sampling" : stream);
}

// An MLP or a linear classifier reads images pixel by pixel.
void check_one_size(const data::Dataset& dataset, std::string_view name) {
  const data::Images &train = dataset.train, &test = dataset.test;
  if (test.count > 0 && (test.height != train.height || test.width != train.width))
    fail(ExitCode::config, fmt::format("model.name = \"{}\" takes images of one size, and {} has training images of "
                                       "{}x{} and test images of {}x{}; scale them, or use \"wrn\"",
                                       name, dataset.name, train.height, train.width, test.height, test.width));
}

// What embeddings allow, and what allows embeddings alone.
void check_embedded(const Config& config, const data::Dataset& dataset, Network network) {
  const bool embedded = dataset.train.embedded();
  if (embedded && network == Network::wrn)
    fail(ExitCode::config,
         "model.name = \"wrn\" takes images, and the items are embeddings; use \"linear\" or \"mlp\", "
         "or the recipe embeddings");
  if (propagates(config) && (!embedded || network != Network::linear))
    fail(ExitCode::config, fmt::format("ssl.method = \"label_propagation\" is for data.name = \"embeddings\" with "
                                       "model.name = \"linear\" (nothing is trained), and not for {} with \"{}\"",
                                       dataset.name, word_of(network)));
}

// A safetensors file: the lists, and in its metadata what they are of.
constexpr const char* kNeighborsOf = "crc.neighbors";

nn::TensorFile kept_neighbors(const fs::path& path) try {
  return nn::decode_safetensors(read_named_file(path), path.string());
} catch (const Error& error) {
  fail(error.code(),
       fmt::format("ssl.graph.file: {}; name another file, or delete this one, and it is made again", error.what()));
}

void keep_neighbors(ssl::Propagation& graph, const fs::path& path, const Text& of) {
  if (file_exists(path)) {
    const nn::TensorFile file = kept_neighbors(path);
    const auto said = file.metadata.find(kNeighborsOf);
    if (said == file.metadata.end() || said->second != of)
      fail(ExitCode::corrupt_data,
           fmt::format("ssl.graph.file = {}: it is of other data or another graph ({}, here {}); "
                       "name another file",
                       path.string(), said == file.metadata.end() ? "none" : said->second, of));
    graph.take(file.at("distances", path.string()).values<double>(), file.at("places", path.string()).values<int64_t>(),
               path.string());
    return;
  }
  const ssl::Neighbors& found = graph.neighbors();
  const Int items = Int(found.places.size()) / found.k;
  nn::TensorFile file;
  file.add("distances", {items, found.k}, found.distances);
  file.add("places", {items, found.k}, found.places);
  file.metadata[kNeighborsOf] = of;
  commit_file(path, nn::encode_safetensors(std::move(file)));
}

std::unique_ptr<nn::Net> net_in(nn::Precision precision, const Config& config, const data::Dataset& dataset,
                                Int projection = 0, bool scores = false) {
  const Network network = config.choice<Network>("model.name");
  check_embedded(config, dataset, network);
  if (propagates(config)) return ssl::make_label_table(dataset.train.count, dataset.train.features, dataset.classes());
  if (network != Network::wrn) {
    check_one_size(dataset, word_of(network));
    const Int depth = network == Network::mlp ? config.get<Int>("model.depth") : 0;
    return nn::make_mlp({.inputs = dataset.train.embedded() ? dataset.train.features : dataset.train.bytes_per_image(),
                         .hidden = std::vector<Int>(size_t(depth), config.get<Int>("model.width")),
                         .classes = dataset.classes(),
                         .slope = float(config.get<double>("model.slope")),
                         .projection = projection});
  }
  return nn::make_wrn({.depth = config.get<Int>("model.depth"),
                       .width = config.get<Int>("model.width"),
                       .classes = dataset.classes(),
                       .wiring = config.choice<nn::Wiring>("model.wiring"),
                       .base_channels = config.get<Int>("model.base_channels"),
                       .first_stride = config.get<Int>("model.first_stride"),
                       .norm = norm_config(config),
                       .conv_bias = config.choice<nn::ConvBias>("model.conv_bias"),
                       .head_init = config.choice<NetInit>("model.init") == NetInit::kaiming_fan_out
                                        ? nn::Init::xavier_normal
                                        : nn::Init::uniform_fan_in,
                       .decay_head_bias = config.get<bool>("ssl.decay_fc_bias"),
                       .precision = precision == nn::Precision::bf16 ? Dtype::bf16 : Dtype::f32,
                       .tf32 = precision == nn::Precision::tf32,
                       .tf32x3 = scores,
                       .projection = projection});
}

nn::Precision precision_of(const Config& config) {
  const bool open = config.get<Text>("run.precision") == "auto";  // no device has been asked
  return open ? nn::Precision::fp32 : config.choice<nn::Precision>("run.precision");
}

}  // namespace

Int steps_of(const Config& config, Int epochs) {
  constexpr Int kMostSteps = Int(1) << 53;  // what a schedule can count
  const Int per_epoch = config.get<Int>("ssl.steps_per_epoch");
  Int steps = 0;
  if (__builtin_mul_overflow(per_epoch, epochs, &steps) || steps > kMostSteps)
    fail(ExitCode::config, fmt::format("{} epochs of ssl.steps_per_epoch = {} are more than {} steps; choose fewer",
                                       epochs, per_epoch, kMostSteps));
  return steps;
}

uint32_t round_seed(const Config& config, Int round) {
  return philox(uint32_t(config.get<Int>("run.seed")), uint32_t(Purpose::init), uint32_t(round), 0, 0, 0).v[0];
}

Text device_words(const Context& context) {
  return context.choice().empty() ? context.describe() : "auto: " + context.choice();
}

Text announcement(const Context& context) { return context.choice().empty() ? "" : "device " + device_words(context); }

Context make_context(const Config& config, const Text& device, Announce announce, int gpu) {
  if (const Int threads = config.get<Int>("run.threads")) omp_set_num_threads(int(threads));
  Context context =
      Context::from_name(device.empty() ? config.get<Text>("run.device") : device, Context::For::training, gpu);
  if (announce == Announce::yes && !context.choice().empty()) print_error("{}\n", announcement(context));
  return context;
}

static bool has(const Context& context, nn::Precision precision) {
  return precision == nn::Precision::fp32 ||
         (precision == nn::Precision::bf16 ? context.has_bf16() : context.has_tf32_and_bf16());
}

nn::Precision precision_on(const Context& context, const Config& config) {
  using enum nn::Precision;
  if (config.get<Text>("run.precision") == "auto")  // other networks are fp32
    return context.has_tf32_and_bf16() && config.choice<Network>("model.name") == Network::wrn ? bf16 : fp32;
  const auto asked = config.choice<nn::Precision>("run.precision");
  if (has(context, asked)) return asked;
  if (asked == bf16)
    fail(ExitCode::config, fmt::format("run.precision = \"bf16\" needs a CUDA device from sm_80 on or a CPU with "
                                       "AVX512-BF16, and this run is on {}, which lacks it; use auto or fp32",
                                       to_string(context.device())));
  return fp32;
}

void check_precision(const Context& context, const Config& begun) {
  if (begun.get<Text>("run.precision") == "auto")  // no run writes that
    fail(ExitCode::corrupt_data,
         "config.toml does not say in which precision the run began (run.precision is \"auto\"); restore the file");
  const auto precision = begun.choice<nn::Precision>("run.precision");
  if (!has(context, precision))
    fail(ExitCode::config, fmt::format("this run began in {}, which {} lacks; continue it on a GPU from sm_80 on{}",
                                       word_of(precision), to_string(context.device()),
                                       precision == nn::Precision::bf16 ? " or a CPU with AVX512-BF16" : ""));
}

namespace {

// A folder that is none of the data set which data.name means where nobody set it is most likely another kind's.
data::Dataset load_named_by_default(const data::Source& source) try {
  return data::load(source);
} catch (const data::OtherFolder& error) {
  const Text there = data::contents_of(source.dir);
  if (there.empty()) fail(error.code(), source.dir.string() + " is not a folder; name the one that holds the data");
  fail(error.code(),
       source.dir.string() + " holds " + there +
           ", which is no data set that is known without data.name. Looked for: train.npy (data.name = \"arrays\" or "
           "\"embeddings\"), labels.csv or train/<class>/ (\"folder\"), the files of " +
           source.name +
           " (what it is where nothing says another). Name another folder, or set data.name; crc_train list has all");
}

}  // namespace

data::Dataset load_whole_dataset(const Config& config, Int scaled_rows) {
  data::Source source{.name = config.get<Text>("data.name"),
                      .dir = config.get<Text>("data.dir"),
                      .options = {},
                      .scaled_rows = scaled_rows};
  if (!config.get<Text>("data.profile").empty()) source.options["profile"] = config.get<Text>("data.profile");
  for (const auto& [key, option] :
       {std::pair("data.train_size", "train"), {"data.test_size", "test"}, {"data.seed", "seed"}})
    if (const Int value = config.get<Int>(key); ConfigValue(value) != config_key(key).fallback)
      source.options[option] = std::to_string(value);
  if (const Int side = config.get<Int>("data.resize")) source.options["resize"] = std::to_string(side);
  for (const char* key : {"crop", "unreadable", "class_names"})
    if (const Text path = Text("data.") + key; config.value(path) != config_key(path).fallback)
      source.options[key] = config.get<Text>(path);
  const bool beside = !config.get<Text>("data.embeddings").empty();
  for (const char* key : {"features", "labels", "test_features", "test_labels", "view2", "view3", "scaling"})
    if (const Text path = Text("data.") + key; config.value(path) != config_key(path).fallback)
      if (!(beside && path == "data.scaling")) source.options[key] = config.get<Text>(path);
  if (const Int classes = config.get<Int>("data.classes")) source.options["classes"] = std::to_string(classes);
  add_options(source.options, config.get<Text>("data.options"));
  const bool by_default = config.origin("data.name") == "default";
  data::Dataset dataset = by_default ? load_named_by_default(source) : data::load(source);
  if (beside) data::attach_embeddings(dataset, config.get<Text>("data.embeddings"), config.get<Text>("data.scaling"));
  limit(dataset.train, config.get<Int>("data.limit_train"));
  limit(dataset.test, config.get<Int>("data.limit_test"));
  if (const double ratio = config.get<double>("data.imbalance"); ratio > 0)
    data::make_long_tailed(dataset, ratio, uint32_t(config.get<Int>("data.split_seed")));
  return dataset;
}

data::Dataset load_dataset(const Config& config) {
  data::Dataset dataset = load_whole_dataset(config, 0);
  if (const Int held_out = config.get<Int>("data.validation_size")) {
    dataset.side.train.clear();  // its ids would move
    const uint32_t seed = uint32_t(config.get<Int>("data.split_seed"));
    config.choice<HeldOut>("data.validation") == HeldOut::any ? data::split_validation(dataset, held_out, seed)
                                                              : data::hold_out_labeled(dataset, held_out, seed);
  }
  return dataset;
}

void print_notes(const data::Dataset& dataset) {
  for (const Text& note : dataset.notes) print_error("note: {}: {}\n", dataset.name, note);
}

std::unique_ptr<nn::Net> make_net(const Config& config, const data::Dataset& dataset) {
  return net_in(precision_of(config), config, dataset);
}
std::unique_ptr<nn::Net> make_training_net(const Config& config, const data::Dataset& dataset) {
  const ssl::TrainConfig train = train_config(config, dataset, 0);
  return net_in(precision_of(config), config, dataset, ssl::find_method(train.method).projection(train));
}
std::unique_ptr<nn::Net> make_exact_net(const Config& config, const data::Dataset& dataset) {
  return net_in(nn::Precision::fp32, config, dataset, 0, /*scores=*/true);
}

NormalizeConfig normalize_config(const Config& config, const data::Dataset& dataset) {
  NormalizeConfig normalize;  // half
  if (config.choice<Normalization>("data.normalize") == Normalization::half) return normalize;
  std::copy_n(dataset.normalize.mean, 3, normalize.mean);
  std::copy_n(dataset.normalize.std, 3, normalize.std);
  return normalize;
}

ssl::TrainConfig train_config(const Config& config, const data::Dataset& dataset, Int round) {
  const Int steps = config.get<Int>("ssl.steps_per_epoch");
  const Int horizon = config.get<Int>("ssl.horizon_epochs");
  ssl::TrainConfig train;
  train.method = config.get<Text>("ssl.method");
  train.seed = round_seed(config, round);
  train.batch = config.get<Int>("ssl.batch");
  train.mu = config.get<Int>("ssl.mu");
  train.lambda_u = float(config.get<double>("ssl.lambda_u"));
  train.threshold = float(config.get<double>("ssl.threshold"));
  train.temperature = float(config.get<double>("ssl.temperature"));
  train.labeled_sampling = sampling(config, "ssl.labeled_sampling");
  train.unlabeled_sampling = sampling(config, "ssl.unlabeled_sampling");
  train.steps_per_epoch = steps;
  train.steps_per_graph = config.get<Int>("ssl.steps_per_graph");
  train.shards = config.get<Int>("run.shards");
  train.batch_statistics = config.choice<ssl::BatchStatistics>("run.batch_statistics");
  train.schedule.rate = config.choice<RateSchedule>("ssl.schedule");
  train.schedule.base_rate = config.get<double>("ssl.lr");
  train.schedule.horizon = steps_of(config, horizon > 0 ? horizon : config.get<Int>("ssl.epochs"));
  train.schedule.drop_at = config.get<Int>("ssl.drop_at_step");
  train.schedule.drop = config.get<double>("ssl.drop_factor");
  train.schedule.ema_decay = config.get<double>("ssl.ema_decay");
  train.schedule.ema_warmup = config.get<bool>("ssl.ema_warmup");
  const double ramp_share = config.get<double>("ssl.ramp_share");
  train.schedule.ramp =
      ramp_share > 0 ? Int(ramp_share * double(train.schedule.horizon)) : config.get<Int>("ssl.ramp_steps");
  train.schedule.ramp_shape = config.choice<RampShape>("ssl.ramp_shape");
  train.shared_pass = config.get<bool>("ssl.shared_pass");
  train.optimizer = config.choice<ssl::Optimizer>("ssl.optimizer");
  train.sgd.momentum = float(config.get<double>("ssl.momentum"));
  train.sgd.nesterov = config.get<bool>("ssl.nesterov");
  train.sgd.weight_decay = train.adam.weight_decay = float(config.get<double>("ssl.weight_decay"));
  train.ema_buffers = config.choice<ssl::EmaBuffers>("ssl.ema_buffers");
  train.tested = config.choice<ssl::Tested>("ssl.tested");
  train.weak.flip = config.get<bool>("ssl.weak.flip");
  train.weak.crop_pad = int(config.get<Int>("ssl.weak.crop_pad"));
  train.weak.crop_per_batch = config.get<bool>("ssl.weak.crop_per_batch");
  train.weak.padding = config.choice<augment::Padding>("ssl.weak.padding");
  train.weak.normalize = normalize_config(config, dataset);
  train.strong = config.choice<augment::Policy>("ssl.strong");
  train.weak_rows.noise = float(config.get<double>("ssl.weak.noise"));
  train.weak_rows.dropout = float(config.get<double>("ssl.weak.dropout"));
  train.strong_rows.noise = float(config.get<double>("ssl.strong_noise"));
  train.strong_rows.dropout = float(config.get<double>("ssl.strong_dropout"));
  set_methods(train, config);
  return train;
}

Text first_acquisition(const Config& config) {
  const Text& first = config.get<Text>("acquisition.first");
  return find_choice<FirstLabels>(first) ? "" : first;
}

ssl::ImageSet upload(Context& context, const data::Images& images, const std::vector<int32_t>& labels) {
  if (!images.embedded())
    return {context, images.count, images.height, images.width, images.pixels.data(), labels.data()};
  std::vector<const float*> views;
  for (const std::vector<float>& view : images.views) views.push_back(view.data());
  return {context, images.count, images.features, views, labels.data()};
}

bool asks_by_test(const Config& config) {
  const Text& name = config.get<Text>("acquisition.name");
  return config.get<Int>("data.validation_size") == 0 && config.get<Int>("acquisition.rounds") > 0 &&
         select::is_known(name) && select::find_acquisition(name).has(select::Trait::worth);
}

bool propagates(const Config& config) { return config.get<Text>("ssl.method") == "label_propagation"; }

Predictor::Predictor(Context& context, const Config& config, const data::Dataset& dataset, const ssl::ImageSet& pool,
                     const NormalizeConfig& normalize)
    : context_(context), normalize_(normalize), batch_(config.get<Int>("eval.batch")) {
  if (!propagates(config)) return;
  const ssl::GraphConfig graph{.neighbors = config.get<Int>("ssl.graph.neighbors"),
                               .affinity = config.choice<ssl::Affinity>("ssl.graph.affinity"),
                               .alpha = config.get<double>("ssl.graph.alpha"),
                               .tolerance = config.get<double>("ssl.graph.tolerance")};
  propagation_ = std::make_unique<ssl::Propagation>(context, pool, dataset.classes(), graph);
  if (const fs::path file = config.get<Text>("ssl.graph.file"); !file.empty())
    keep_neighbors(
        *propagation_, file,
        fmt::format("{} {} {} {}", dataset.fingerprint, pool.size(), graph.neighbors, word_of(graph.affinity)));
}

ssl::Prediction Predictor::predict(const nn::Net& net, const nn::Weights& weights, const ssl::ImageSet& images,
                                   Int limit) const {
  if (propagation_) return propagation_->predict(ssl::labels_of(context_, net, weights), images, limit);
  return ssl::predict(context_, net, weights, images, normalize_, batch_, limit);
}

RunContext::RunContext(Context& c, RunDir& d, const data::Dataset& s, Progress& p, Ranks* r)
    : context(c),
      directory(d),
      config(d.config()),
      dataset(s),
      progress(p),
      ranks(r),
      labels(d, s),
      images(upload(c, s.train, labels.labels(kLastRound))),
      normalize(normalize_config(config, s)),
      predictor(c, config, s, images, normalize) {
  order_data(ranks, config.to_toml(), s);
}

}  // namespace crc::apps
