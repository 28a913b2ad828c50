#include "apps/active_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/balanced_query.h"
#include "apps/net_jacobians.h"
#include "apps/pseudo_labels.h"
#include "apps/query_files.h"
#include "apps/signals.h"
#include "apps/weights_file.h"
#include "nn/init.h"
#include "nn/weights_io.h"

namespace crc::apps {
namespace {

using Clock = std::chrono::steady_clock;
using Int = int64_t;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

ssl::ImageSet upload(Context& context, const data::Images& images, const std::vector<int32_t>& labels) {
  return {context, images.count, images.height, images.width, images.pixels.data(), labels.data()};
}
ssl::ImageSet upload(Context& context, const data::Images& images) { return upload(context, images, images.labels); }

// "last 12.00 %"; nothing where nothing was measured.
std::string percent(const char* what, double fraction) {
  return std::isnan(fraction) ? "" : fmt::format("{}{:.2f} %", what, 100 * fraction);
}

// Those of the data set and, where it has none, those that people gave.
std::vector<int32_t> known_labels(const data::Images& images, const Ledger& ledger) {
  std::vector<int32_t> labels = images.labels;
  for (const Label& label : ledger.labels()) labels.at(size_t(label.item)) = int32_t(label.klass);
  return labels;
}

}  // namespace

ActiveRun::ActiveRun(Context& context, RunDir& directory, const data::Dataset& dataset, Progress& progress)
    : context_(context),
      directory_(directory),
      config_(directory.config()),
      dataset_(dataset),
      progress_(progress),
      net_(make_net(config_, dataset)),
      exact_net_(make_exact_net(config_, dataset)),
      labels_(known_labels(dataset.train, directory.ledger())),
      train_images_(upload(context, dataset.train, labels_)),
      test_images_(upload(context, dataset.test)),
      tests_(data::has_labels(dataset.test)),
      normalize_(normalize_config(config_, dataset)) {
  if (data::has_labels(dataset.validation)) validation_images_.emplace(upload(context, dataset.validation));
}

// Whatever is not training may end at any moment: it is a function of what is committed, and done again.
ExitCode ActiveRun::run() {
  std::optional<StopNote> stop_note(std::in_place, directory_.path() / to_string(Marker::preempted),
                                    "continue with: crc_train resume " + directory_.path().string());
  directory_.mark(Marker::none, "");
  const std::optional<Checkpoint> checkpoint = directory_.resume();
  for (const std::string& note : directory_.notes()) progress_.warn(note);
  const Int rounds = config_.get<Int>("acquisition.rounds");
  for (Int round = checkpoint ? checkpoint->info.round : begin(); round <= rounds; ++round) {
    begin_round(round);
    if (checkpoint && checkpoint->info.round == round) restore(*checkpoint);
    if (!train_round()) {
      directory_.mark(Marker::preempted, "stopped by " + stop_signal_name());
      return ExitCode::preempted;
    }
    end_round();
    if (round < rounds) query(round);
  }
  stop_note.reset();
  return ExitCode::ok;
}

Int ActiveRun::begin() {
  const std::optional<RunStart> start = load_start(config_, dataset_);
  directory_.record(0, start ? "start" : "initial", start ? start->labels : first_labels());
  if (!start || !start->with_model) return 0;
  adopt(*start);
  if (config_.get<Int>("acquisition.rounds") > 0) query(0);
  return 1;
}

std::vector<Answer> ActiveRun::first_labels() {
  const Int count = config_.get<Int>("acquisition.initial");
  const std::string first = config_.get<std::string>("acquisition.first");
  std::vector<Answer> answers;
  if (first == "given") {
    for (Int id = 0; id < dataset_.train.count; ++id)
      if (dataset_.train.labels[size_t(id)] >= 0) answers.push_back({id, dataset_.train.labels[size_t(id)]});
    return answers;
  }
  if (first == "leading") {
    for (Int id = 0; id < std::min(count, dataset_.train.count); ++id) answers.push_back({id, labels_[size_t(id)]});
    return answers;
  }
  if (first == "random") {
    for (Int id : data::draw_initial(labels_, dataset_.classes(), count, uint32_t(config_.get<Int>("run.seed"))))
      answers.push_back({id, labels_[size_t(id)]});
    return answers;
  }
  // The paper's B.2: chosen with a network that was never trained, and never trained on that network.
  const nn::WeightBuffers weights(context_, net_->layout(), "random network");
  nn::initialize(context_, net_->layout(), weights.weights(), round_seed(config_, -1));
  const ssl::Prediction prediction =
      ssl::predict(context_, *exact_net_, weights.weights(), train_images_, normalize_, config_.get<Int>("eval.batch"));
  select::Config config = selection_config(config_, 0);
  config.budget = count;
  const select::Selection selection =
      select(prediction, weights.weights(), data::Pool(dataset_.train.count, dataset_.classes()), config);
  commit_query(0, "rounds/first", selection);
  progress_.line("first labels by a random network: " + selection.summary);
  for (const std::string& warning : selection.warnings) progress_.warn(warning);
  return ask(selection, directory_.path() / "rounds/first/query.csv");
}

void ActiveRun::adopt(const RunStart& start) {
  for (const nlohmann::ordered_json& record : start.metrics) directory_.append_metrics(record);
  directory_.files().commit({{weights_name(0, "last"), start.weights},
                             {weights_name(0, "best"), start.best},
                             directory_.rounds_file({start.row})});
  progress_.line(fmt::format("round 0 is that of {}: {} labels{}", config_.get<std::string>("start.run"),
                             start.row.labels, percent(", best ", start.row.acc_best)));
}

// The labels that training in `round` uses: those of the ledger, which the oracle's or a person's answers entered.
data::Pool ActiveRun::pool_at(Int round) const {
  data::Pool pool(dataset_.train.count, dataset_.classes());
  for (const Label& label : directory_.ledger().labels())
    if (label.round <= round) pool.label(label.item, int32_t(label.klass), int32_t(label.round));
  return pool;
}

void ActiveRun::begin_round(Int round) {
  round_ = round;
  history_ = {};
  const data::Pool pool = pool_at(round);
  std::vector<Int> unlabeled = pool.unlabeled_ids();
  if (config_.get<bool>("data.include_labeled_in_unlabeled")) {
    unlabeled.resize(size_t(pool.items()));
    for (Int i = 0; i < pool.items(); ++i) unlabeled[size_t(i)] = i;
  }
  trainer_.reset();  // its memory goes first, and what the last query needed
  pool_prediction_.reset();
  context_.for_each_scratch([](Arena& arena) { arena.clear(); });
  trainer_ = std::make_unique<ssl::Trainer>(context_, *net_, train_images_, pool.labeled_ids(), unlabeled,
                                            train_config(config_, dataset_, round));
  progress_.line(fmt::format("round {}: training from scratch on {} labels", round, pool.labeled_ids().size()));
}

bool ActiveRun::round_complete() const {
  return history_.exhausted(config_.get<Int>("ssl.epochs"), config_.get<Int>("ssl.patience_epochs"));
}

bool ActiveRun::train_round() {
  while (!round_complete()) {
    train_epoch();
    if (stop_requested()) return false;
    unsaved_.reset();
    stop_if_asked();
    end_epoch();
  }
  return true;
}

void ActiveRun::train_epoch() {
  const Clock::time_point start = Clock::now();
  const Int begin = trainer_->step(), end = (history_.epochs() + 1) * config_.get<Int>("ssl.steps_per_epoch");
  unsaved_.emplace();
  train_until(end);
  history_.seconds += seconds_since(start);
  if (trainer_->step() > begin) save(false);  // before the evaluation, which can be repeated
}

void ActiveRun::train_until(Int step) {
  constexpr double kSaveEvery = 300;  // seconds of work that a kill may cost
  const Int per_graph = config_.get<Int>("ssl.steps_per_graph");
  double step_seconds = 0;
  while (trainer_->step() < step && !stop_requested()) {
    // Chunks of about a quarter second keep the display alive and signals answered; they change no result.
    Int chunk = step_seconds > 0 ? std::clamp<Int>(Int(0.25 / step_seconds), 1, step - trainer_->step()) : 1;
    if (chunk > per_graph) chunk -= chunk % per_graph;
    const Clock::time_point start = Clock::now();
    trainer_->train(chunk);
    context_.synchronize();
    step_seconds = seconds_since(start) / double(chunk);
    show_progress();
    if (seconds_since(last_save_) > kSaveEvery && trainer_->step() < step) save(false);
  }
}

void ActiveRun::show_progress() {
  const Int per_round = config_.get<Int>("ssl.epochs") * config_.get<Int>("ssl.steps_per_epoch");
  const Int rounds = config_.get<Int>("acquisition.rounds");
  progress_.update({.label = fmt::format("round {}/{} epoch {}/{}", round_, rounds, history_.accuracy.size() + 1,
                                         config_.get<Int>("ssl.epochs")),
                    .done = round_ * per_round + trainer_->step(),
                    .total = (rounds + 1) * per_round,
                    .detail = history_.measured() ? percent("acc ", history_.selecting().back()) : ""});
}

ssl::Evaluation ActiveRun::evaluate(const ssl::ImageSet& images, const std::vector<int32_t>& labels) {
  const ssl::Prediction prediction =
      ssl::predict(context_, *net_, tested(), images, normalize_, config_.get<Int>("eval.batch"));
  return ssl::evaluate(prediction.logits.to_host<float>(context_), labels, dataset_.classes());
}

void ActiveRun::end_epoch() {
  const Clock::time_point start = Clock::now();
  const ssl::EpochLosses losses = trainer_->losses(config_.get<Int>("ssl.steps_per_epoch"));
  const ssl::Evaluation test = tests_ ? evaluate(test_images_, dataset_.test.labels) : ssl::Evaluation();
  history_.accuracy.push_back(test.accuracy);
  history_.loss.push_back(test.loss);
  history_.balanced_accuracy.push_back(test.balanced_accuracy);
  history_.calibration_error.push_back(test.calibration_error);
  if (validation_images_)
    history_.validation.push_back(evaluate(*validation_images_, dataset_.validation.labels).accuracy);
  if (history_.best_epoch() + 1 == history_.epochs()) {
    history_.best_values.resize(size_t(net_->layout().total()));
    history_.best_running.resize(size_t(net_->layout().running_total()));
    context_.copy_out(history_.best_values.data(), tested().values);
    context_.copy_out(history_.best_running.data(), tested().running);
  }
  history_.seconds += seconds_since(start);
  nlohmann::ordered_json record = {{"round", round_},
                                   {"epoch", history_.epochs()},
                                   {"step", trainer_->step()},
                                   {"labels", labels_through(directory_.ledger().labels(), round_)},
                                   {"loss_x", losses.labeled},
                                   {"loss_u", losses.unlabeled},
                                   {"mask_rate", losses.mask_rate},
                                   {"pseudo_acc", losses.pseudo_acc},  // null where none could be judged
                                   {"test_acc", test.accuracy},
                                   {"test_loss", test.loss},
                                   {"balanced_acc", test.balanced_accuracy},
                                   {"ece", test.calibration_error},
                                   {"seconds", history_.seconds}};
  if (validation_images_) record["val_acc"] = history_.validation.back();
  directory_.append_metrics(record);
  progress_.line(fmt::format("round {} epoch {}: loss {:.4f} + {:.4f}, mask {:.0f} %{}{}", round_, history_.epochs(),
                             losses.labeled, losses.unlabeled, 100 * losses.mask_rate,
                             percent(", test accuracy ", test.accuracy),
                             validation_images_ ? percent(", validation accuracy ", history_.validation.back()) : ""));
  if (history_.epochs() == 1) {
    Int bytes = 0;
    context_.for_each_scratch([&](Arena& arena) { bytes += arena.reserved_bytes(); });
    progress_.line(fmt::format("scratch memory: {:.1f} MB, the libraries' workspaces included", double(bytes) / 1e6));
  }
}

std::string ActiveRun::weights_file(const nn::Weights& weights, const std::string& epoch) {
  nn::TensorFile file = nn::export_weights(context_, net_->layout(), weights, nn::Names::kekmodel);
  nn::WeightsInfo info = weights_info(config_, dataset_);
  info.epoch = epoch;
  file.metadata = nn::to_metadata(info);
  return nn::encode_safetensors(std::move(file));
}

void ActiveRun::end_round() {
  save(true);
  const nn::WeightBuffers best(context_, net_->layout(), "best");
  context_.copy_in(best.weights().values, history_.best_values.data());
  context_.copy_in(best.weights().running, history_.best_running.data());
  directory_.files().commit({{weights_name(round_, "last"), weights_file(tested(), "last")},
                             {weights_name(round_, "best"), weights_file(best.weights(), "best")}});

  std::vector<RoundRow> rows = directory_.read_rounds();
  std::erase_if(rows, [&](const RoundRow& row) { return row.round >= round_; });
  const RoundRow row = round_row();
  rows.push_back(row);
  directory_.write_rounds(rows);
  progress_.line(
      fmt::format("round {} with {} labels stopped {}: {}, {}", round_, row.labels,
                  history_.stop_reason(config_.get<Int>("ssl.epochs"), config_.get<Int>("ssl.patience_epochs")),
                  results(row), duration(row.train_s)));
}

std::string ActiveRun::results(const RoundRow& row) const {
  if (tests_)
    return percent("last ", row.acc_last) + percent(", median ", row.acc_median) + percent(", best ", row.acc_best) +
           percent(", by validation ", row.acc_val);
  if (validation_images_)
    return percent("best validation accuracy ", history_.validation[size_t(history_.best_epoch())]);
  return "no labelled test images to measure by";
}

RoundRow ActiveRun::round_row() {
  RoundRow row;
  row.round = round_;
  row.labels = labels_through(directory_.ledger().labels(), round_);
  if (tests_) {
    row.acc_last = history_.accuracy.back();
    row.acc_median = median_of_last(history_.accuracy, size_t(config_.get<Int>("eval.last")));
    row.acc_best = *std::max_element(history_.accuracy.begin(), history_.accuracy.end());
    row.acc_val = history_.at_best_validation();
    row.balanced_acc = history_.balanced_accuracy.back();
    row.ece = history_.calibration_error.back();
    row.loss = history_.loss.back();
  }
  row.epochs = history_.epochs();
  row.train_s = history_.seconds;
  pool_prediction_ = predict_pool(round_);
  const PseudoLabels pseudo =
      judge_pseudo_labels(pool_prediction_->logits.to_host<float>(context_), dataset_.train.labels, dataset_.classes(),
                          pool_at(round_).unlabeled_ids(), config_.get<double>("ssl.threshold"));
  row.pseudo_rate = pseudo.rate;
  row.pseudo_acc = pseudo.accuracy;
  return row;
}

// From the round's file, so that a round adopted from another run needs no second path.
nn::WeightBuffers ActiveRun::scoring_model(Int round) {
  const std::string name = weights_name(round, config_.get<std::string>("acquisition.model"));
  const WeightsFile file = decode_weights(directory_.files().read(name), (directory_.path() / name).string());
  check_fits(file, weights_info(config_, dataset_), ExitCode::corrupt_data, kNotOfThisRun);
  nn::WeightBuffers weights(context_, net_->layout(), "scoring model");
  nn::import_weights(context_, net_->layout(), weights.weights(), file.tensors, file.source);
  return weights;
}

ssl::Prediction ActiveRun::predict_pool(Int round) {
  const nn::WeightBuffers model = scoring_model(round);
  return ssl::predict(context_, *exact_net_, model.weights(), train_images_, normalize_,
                      config_.get<Int>("eval.batch"));
}

select::Selection ActiveRun::select(const ssl::Prediction& prediction, const nn::Weights& weights,
                                    const data::Pool& pool, select::Config config) {
  const NetJacobians jacobians(*exact_net_, weights, train_images_, normalize_);
  config.say = [&](const std::string& text) { progress_.line(text); };
  const std::vector<Int> labeled = pool.labeled_ids(), unlabeled = pool.unlabeled_ids();
  const select::Problem problem{.features = prediction.features.view<float, 2>(),
                                .logits = prediction.logits.view<float, 2>(),
                                .labeled = labeled,
                                .unlabeled = unlabeled,
                                .classes = dataset_.classes(),
                                .jacobians = &jacobians};
  return config_.get<std::string>("acquisition.protocol") == "pseudo_al"
             ? select_balanced(context_, problem, config, labels_)
             : select::select(context_, problem, config);
}

std::vector<Answer> ActiveRun::ask(const select::Selection& selection, const fs::path& query_file) {
  std::vector<Answer> answers;
  for (Int id : selection.picks) {
    if (labels_[size_t(id)] < 0) {
      directory_.mark(Marker::waiting, "for the labels of " + query_file.string());
      fail(ExitCode::waiting_for_labels,
           fmt::format("item {0} has no label; add a column \"class\" to a copy of {1}, label its items, and run: "
                       "crc_train label {2} labels.csv && crc_train resume {2}",
                       id, query_file.string(), directory_.path().string()));
    }
    answers.push_back({id, labels_[size_t(id)]});
  }
  return answers;
}

void ActiveRun::commit_query(Int round, const std::string& folder, const select::Selection& selection,
                             const std::vector<NamedFile>& more) {
  std::vector<NamedFile> files =
      query_files(folder, selection, dataset_.train, config_.get<Int>("report.query_images"));
  files.insert(files.end(), more.begin(), more.end());
  const Query query{.round = round, .folder = folder, .items = selection.picks};
  for (const std::string& name : directory_.files().commit(files, query))
    progress_.warn(
        fmt::format("{} is not as the run wrote it and is left as it is; the items that are asked for stand in {}",
                    (directory_.path() / name).string(), RunFiles::kManifest));
}

void ActiveRun::query(Int round) {
  const Clock::time_point start = Clock::now();
  if (!pool_prediction_) pool_prediction_ = predict_pool(round);
  const nn::WeightBuffers model = scoring_model(round);
  const select::Selection selection =
      select(*pool_prediction_, model.weights(), pool_at(round), selection_config(config_, round));
  std::vector<RoundRow> rows = directory_.read_rounds();
  rows.back().query_s = seconds_since(start);
  if (selection.rank > 0 && !selection.groups.empty()) rows.back().lambda_min = selection.groups.front().score;
  commit_query(round + 1, fmt::format("rounds/{:02}", round), selection, {directory_.rounds_file(rows)});
  progress_.line(selection.summary);
  for (const std::string& warning : selection.warnings) progress_.warn(warning);
  directory_.record(round + 1, "oracle", ask(selection, directory_.path() / round_name(round, "query.csv")));
}

void ActiveRun::save(bool round_end) {
  nn::TensorFile file;
  trainer_->save(file);
  history_.save(file);
  CheckpointInfo info;
  info.round = round_;
  info.step = trainer_->step();
  info.round_end = round_end;
  directory_.save_checkpoint(info, nn::encode_safetensors(std::move(file)));
  last_save_ = Clock::now();
}

void ActiveRun::restore(const Checkpoint& checkpoint) {
  const std::string source = "checkpoint " + checkpoint.file;
  const nn::TensorFile file = nn::decode_safetensors(checkpoint.payload, source);
  trainer_->restore(file, source);
  history_ = RoundHistory::restore(file, source);
  if (history_.epochs() > 0)
    nn::check_values(net_->layout(), history_.best_values, history_.best_running, source + ", best");
  // A round that ended stays as it ended: its query may be in the ledger.
  if (!checkpoint.info.round_end) history_.forget(!tests_, !validation_images_);
  progress_.line(fmt::format("resumed round {} at step {} from {}", round_, trainer_->step(), checkpoint.file));
}

}  // namespace crc::apps
