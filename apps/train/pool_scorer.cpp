#include "apps/train/pool_scorer.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "apps/config/choices.h"
#include "apps/train/weights_file.h"
#include "crc/balanced_query.h"
#include "crc/dropout_samples.h"
#include "crc/uncertainty.h"
#include "nn/init.h"
#include "nn/weights_io.h"
#include "ssl/inputs.h"
#include "ssl/propagation.h"
#include "ssl/temperature.h"

namespace crc::apps {

select::Config selection_config(const Config& config, int64_t round, int64_t budget) {
  return {.name = config.get<std::string>("acquisition.name"),
          .budget = budget,
          .group_size = config.get<int64_t>("acquisition.group_size"),
          .search = config.choice<select::Search>("acquisition.search"),
          .candidates = config.get<int64_t>("acquisition.candidates"),
          .solver = config.choice<select::Solver>("acquisition.solver"),
          .layers = config.get<std::string>("acquisition.layers"),
          .partitions = config.get<int64_t>("acquisition.partitions"),
          .bait_top = config.get<int64_t>("acquisition.bait_top"),
          .memory_bytes = int64_t(config.get<double>("acquisition.memory_gb") * 1e9),
          .seed = uint32_t(config.get<int64_t>("run.seed")),
          .round = round};
}

NetJacobians::NetJacobians(const nn::Net& net, const nn::Weights& weights, const ssl::ImageSet& images,
                           const NormalizeConfig& normalize)
    : net_(net),
      weights_(weights),
      images_(images),
      normalize_(normalize),
      jacobian_(net),
      params_(jacobian_.params()) {
  for (const int param : params_) {
    const nn::ParamSpec& spec = net.layout().params()[param];
    blocks_.push_back({spec.name, spec.size(), spec.size() * net.classes()});
  }
  // The head comes first. Its Jacobian is (h, 1) in the rows of each class, whatever the class.
  blocks_[0].rank = net.feature_dim();
  blocks_[1].rank = 1;
}

std::vector<bool> NetJacobians::params_of(const std::vector<bool>& wanted) const {
  std::vector<bool> params(net_.layout().params().size(), false);
  for (size_t b = 0; b < params_.size(); ++b) params[params_[b]] = wanted[b];
  return params;
}

void NetJacobians::compute(Context& context, std::span<const int64_t> items, const std::vector<bool>& wanted,
                           const Receive& receive) const {
  if (items.empty()) return;
  const Arena::Frame frame(context.scratch());
  const int64_t n = int64_t(items.size());
  const auto ids = context.scratch().take<int64_t, 1>({n}, "items");
  context.copy_in(ids, items.data());
  const auto x = context.scratch().take<float, 4>({n, images_.height(), images_.width(), images_.channels()}, "images");
  ssl::show(context, x, images_, ids, normalize_);
  jacobian_.compute(context, weights_, x, params_of(wanted), [&](int param, View<const float, 3> j) {
    receive(std::ranges::find(params_, param) - params_.begin(), j);
  });
}

select::Jacobians::Bytes NetJacobians::bytes(const std::vector<bool>& wanted) const {
  const int64_t height = images_.height(), width = images_.width(), channels = images_.channels();
  const auto bytes = jacobian_.bytes(height, width, channels, params_of(wanted));
  return {bytes.per_sample + height * width * channels * int64_t(sizeof(float)), bytes.fixed};
}

select::Head NetJacobians::head() const {
  return {weights_.param<2>(net_.layout(), params_[0]), weights_.param<1>(net_.layout(), params_[1])};
}

PoolScorer::PoolScorer(const RunContext& run) : run_(run), net_(make_exact_net(run.config, run.dataset)) {}

// From the round's file, so that a round adopted from another run needs no second path.
nn::WeightBuffers PoolScorer::model(int64_t round) const {
  const std::string name = weights_name(round, run_.config.choice<nn::Epoch>("acquisition.model"));
  const WeightsFile file = decode_weights(run_.directory.files().read(name), (run_.directory.path() / name).string());
  check_fits(file, weights_info(run_.config, run_.dataset), ExitCode::corrupt_data, kNotOfThisRun);
  nn::WeightBuffers weights(run_.context, net_->layout(), "scoring model");
  nn::import_weights(run_.context, net_->layout(), weights.weights(), file.tensors, file.source);
  return weights;
}

ssl::Prediction PoolScorer::predict(const nn::Weights& weights) const {
  const Interruptible stoppable = run_.progress.stoppable();
  return run_.predictor.predict(*net_, weights, run_.images);
}

ssl::PseudoLabels PoolScorer::judge(int64_t round, const std::vector<int64_t>& items) {
  prediction_ = predict(model(round).weights());
  return ssl::judge_pseudo_labels(prediction_->logits.to_host<float>(run_.context), run_.dataset.train.labels,
                                  run_.dataset.classes(), items, run_.config.get<double>("ssl.threshold"));
}

select::Selection PoolScorer::select(int64_t round, const data::Pool& pool, select::Worth worth) {
  const nn::WeightBuffers weights = model(round);
  if (!prediction_) prediction_ = predict(weights.weights());
  return select(*prediction_, weights.weights(), pool, selection_config(run_.config, round, run_.labels.budget(round)),
                temperature(weights.weights()), std::move(worth));
}

double PoolScorer::temperature(const nn::Weights& weights) const {
  const Calibration by = run_.config.choice<Calibration>("acquisition.calibrate");
  if (by == Calibration::none) return 1;
  if (by == Calibration::cross_validation) return cross_validated(weights);
  const data::Images& held_out = run_.dataset.validation;
  const std::vector<int32_t> labels = validation_labels(run_.config, run_.dataset);
  const ssl::ImageSet images = upload(run_.context, held_out, labels);
  const double fitted =
      ssl::fit_temperature(run_.predictor.predict(*net_, weights, images).logits.to_host<float>(run_.context), labels,
                           run_.dataset.classes());
  run_.progress.line(fmt::format("probabilities are softmax(logits / {:.4g}), fitted to {} held-out items{}", fitted,
                                 held_out.count, ssl::temperature_note(fitted)));
  return fitted;
}

// Of label propagation, whose model is the labels: those of a fold are left out and predicted from the others.
double PoolScorer::cross_validated(const nn::Weights& weights) const {
  constexpr int64_t kFolds = 5;
  const Interruptible stoppable = run_.progress.stoppable();
  const int64_t classes = run_.dataset.classes();
  const std::vector<int32_t> labels = ssl::labels_of(run_.context, *net_, weights);
  const std::vector<int64_t> fold = ssl::deal_folds(labels, classes, kFolds);
  const nn::WeightBuffers others(run_.context, net_->layout(), "labels of the other folds");
  std::vector<float> logits;
  std::vector<int32_t> left_out;
  for (int64_t f = 0; f < kFolds; ++f) {
    if (std::ranges::count(fold, f) == 0) continue;
    std::vector<float> known(size_t(weights.values.size()), -1.0f);
    for (size_t i = 0; i < labels.size(); ++i)
      if (fold[i] != f) known[i] = float(labels[i]);
    run_.context.copy_in(others.weights().values, known.data());
    const std::vector<float> all =
        run_.predictor.predict(*net_, others.weights(), run_.images).logits.to_host<float>(run_.context);
    for (size_t i = 0; i < labels.size(); ++i) {
      if (fold[i] != f) continue;
      logits.insert(logits.end(), all.begin() + int64_t(i) * classes, all.begin() + int64_t(i + 1) * classes);
      left_out.push_back(labels[i]);
    }
  }
  if (left_out.empty()) {
    run_.progress.line("no class has two labels: probabilities are not calibrated");
    return 1;
  }
  const double fitted = ssl::fit_temperature(logits, left_out, classes);
  const std::string by =
      fmt::format("{} labels, each predicted without those of its fold (of {})", left_out.size(), kFolds);
  if (!ssl::temperature_note(fitted).empty()) {
    run_.progress.line(
        by + ", settle no temperature, for they are too few, all right or all wrong: probabilities are not calibrated");
    return 1;
  }
  run_.progress.line(fmt::format("probabilities are softmax(logits / {:.4g}), fitted to {}", fitted, by));
  return fitted;
}

namespace {

constexpr size_t kGuesses = 3, kNearest = 3;

void divide(std::vector<float>& logits, double temperature) {
  for (float& logit : logits) logit = float(double(logit) / temperature);
}

// The softmax of logits [C], its largest entries.
std::vector<std::pair<int64_t, double>> likeliest(std::span<const float> logits) {
  std::vector<std::pair<int64_t, double>> all;
  for (const double p : select::softmax({logits.begin(), logits.end()})) all.emplace_back(int64_t(all.size()), p);
  std::ranges::stable_sort(all, std::greater(), [](const auto& entry) { return entry.second; });
  all.resize(std::min(all.size(), kGuesses));
  return all;
}

// The rows of `candidates` nearest to that of `item`; of equally near ones the earlier.
std::vector<int64_t> nearest(std::span<const float> features, size_t columns, int64_t item,
                             std::span<const int64_t> candidates) {
  const auto row = [&](int64_t i) { return features.subspan(size_t(i) * columns, columns); };
  std::vector<std::pair<double, int64_t>> all;
  for (const int64_t candidate : candidates) {
    double sum = 0;
    for (size_t d = 0; d < columns; ++d) {
      const double difference = double(row(item)[d]) - double(row(candidate)[d]);
      sum += difference * difference;
    }
    all.emplace_back(sum, candidate);
  }
  std::ranges::sort(all);
  all.resize(std::min(all.size(), kNearest));
  std::vector<int64_t> items;
  for (const auto& entry : all) items.push_back(entry.second);
  return items;
}

}  // namespace

std::vector<LabelHint> PoolScorer::hints(std::span<const int64_t> items, const data::Pool& pool) const {
  if (!prediction_) return {};
  const std::vector<float> logits = prediction_->logits.to_host<float>(run_.context),
                           features = prediction_->features.to_host<float>(run_.context);
  const size_t classes = size_t(run_.dataset.classes()), columns = features.size() / size_t(run_.dataset.train.count);
  const std::vector<int64_t> labeled = pool.labeled();
  std::vector<LabelHint> hints;
  for (const int64_t item : items)
    hints.push_back({.guess = likeliest(std::span(logits).subspan(size_t(item) * classes, classes)),
                     .nearest = nearest(features, columns, item, labeled)});
  return hints;
}

View<const float, 2> PoolScorer::embeddings() {
  if (run_.images.views() > 0) return run_.images.rows(0);
  const data::Images& images = run_.dataset.train;
  if (!embeddings_)
    embeddings_ =
        Tensor::from_host(run_.context, {images.count, images.features}, images.views.at(0).data(), "embeddings");
  return embeddings_->view<const float, 2>();
}

select::Selection PoolScorer::select_first(int64_t count) {
  if (const std::string name = first_acquisition(run_.config); !name.empty()) {
    select::Config config = selection_config(run_.config, 0, count);
    config.name = name;
    return select({.features = embeddings(), .logits = {}, .labeled = {}, .unlabeled = {}},
                  data::Pool(run_.dataset.train.count, run_.dataset.classes()), config);
  }
  const nn::WeightBuffers weights(run_.context, net_->layout(), "random network");
  nn::initialize(run_.context, net_->layout(), weights.weights(), round_seed(run_.config, -1));
  return select(predict(weights.weights()), weights.weights(),
                data::Pool(run_.dataset.train.count, run_.dataset.classes()), selection_config(run_.config, 0, count));
}

Tensor PoolScorer::dropout_samples(const ssl::Prediction& prediction, const select::Head& head,
                                   const select::Config& config, double temperature) const {
  const auto features = prediction.features.view<const float, 2>();
  const int64_t passes = run_.config.get<int64_t>("acquisition.samples"), items = features.shape[0],
                classes = net_->classes();
  run_.progress.line(fmt::format("{}: {} passes with dropout over {} images, {:.1f} MB of logits", config.name, passes,
                                 items, double(passes * items * classes) * sizeof(float) / 1e6));
  std::vector<float> logits = select::dropout_samples(
      run_.context, features, head, passes, run_.config.get<double>("acquisition.dropout"), config.seed, config.round);
  divide(logits, temperature);
  return Tensor::from_host(run_.context, {passes, items, classes}, logits.data(), "logits of passes with dropout");
}

select::Selection PoolScorer::select(const ssl::Prediction& prediction, const nn::Weights& weights,
                                     const data::Pool& pool, select::Config config, double temperature,
                                     select::Worth worth) {
  std::optional<Tensor> calibrated;
  if (temperature != 1) {
    std::vector<float> logits = prediction.logits.to_host<float>(run_.context);
    divide(logits, temperature);
    calibrated = Tensor::from_host(run_.context, prediction.logits.shape(), logits.data(), "calibrated logits");
  }
  select::Problem problem{.features = prediction.features.view<float, 2>(),
                          .logits = (calibrated ? *calibrated : prediction.logits).view<float, 2>(),
                          .labeled = {},
                          .unlabeled = {},
                          .worth = std::move(worth)};
  const bool network = run_.config.choice<PoolFeatures>("acquisition.features") == PoolFeatures::network;
  if (!network) problem.features = embeddings();
  if (propagates(run_.config)) return select(problem, pool, std::move(config));
  const NetJacobians jacobians(*net_, weights, run_.images, run_.normalize);
  problem.jacobians = &jacobians;
  if (network) problem.head = jacobians.head();
  std::optional<Tensor> samples;
  if (network && select::find_acquisition(config.name).has(select::Trait::samples)) {
    samples = dropout_samples(prediction, problem.head, config, temperature);
    problem.samples = samples->view<const float, 3>();
  }
  return select(problem, pool, std::move(config));
}

select::Selection PoolScorer::select(select::Problem problem, const data::Pool& pool, select::Config config) {
  config.say = [&](const std::string& text) { run_.progress.line(text); };
  const Interruptible stoppable = run_.progress.stoppable();
  const std::vector<int64_t> labeled = pool.labeled(), unlabeled = pool.askable();
  std::vector<int32_t> classes;
  for (const data::LabeledItem& item : pool.labels()) classes.push_back(item.label);
  problem.labeled = labeled;
  problem.unlabeled = unlabeled;
  problem.labels = classes;
  problem.classes = run_.dataset.classes();
  return run_.config.choice<Protocol>("acquisition.protocol") == Protocol::pseudo_al
             ? select::select_balanced(run_.context, problem, config, run_.dataset.train.labels)
             : select::select(run_.context, problem, config);
}

}  // namespace crc::apps
