#include "apps/train/round_trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/config/method_keys.h"
#include "apps/train/weights_file.h"
#include "nn/weights_io.h"

namespace crc::apps {
namespace {

using Clock = std::chrono::steady_clock;
using Int = int64_t;

// What the epoch's pseudo-labels were worth by class, and what the method remembers, if it has no more numbers than
// there are classes.
void add_pseudo_labels(nlohmann::ordered_json& record, ssl::Trainer& trainer, Context& context, size_t classes) {
  const ssl::EpochPseudo pseudo = trainer.pseudo_labels();
  if (!std::isnan(pseudo.unclaimed)) {
    record["pseudo_precision"] = pseudo.precision;
    record["pseudo_recall"] = pseudo.recall;
    record["pseudo_share"] = pseudo.share;
    record["unclaimed"] = pseudo.unclaimed;
  }
  for (const auto& [name, values] : trainer.running().to_host(context))
    if (values.size() <= classes) record["running." + name] = values;
}

// "last 12.00 %"; nothing where nothing was measured.
std::string percent(const char* what, double fraction) {
  return std::isnan(fraction) ? "" : fmt::format("{}{:.2f} %", what, 100 * fraction);
}

}  // namespace

RoundTrainer::RoundTrainer(const RunContext& run)
    : run_(run),
      net_(make_training_net(run.config, run.dataset)),
      test_images_(upload(run.context, run.dataset.test, run.dataset.test.labels)),
      tests_(data::has_labels(run.dataset.test)) {
  const data::Images& validation = run.dataset.validation;
  if (data::has_labels(validation)) validation_images_.emplace(upload(run.context, validation, validation.labels));
}

void RoundTrainer::begin(Int round) {
  round_ = round;
  history_ = {};
  const data::Pool pool = run_.labels.pool(round);
  std::vector<Int> unlabeled = pool.unlabeled();
  if (run_.config.get<bool>("data.include_labeled_in_unlabeled")) {
    unlabeled.resize(size_t(pool.items()));
    std::iota(unlabeled.begin(), unlabeled.end(), 0);
  }
  trainer_.reset();  // its memory goes first
  run_.context.for_each_scratch([](Arena& arena) { arena.clear(); });
  trainer_ = std::make_unique<ssl::Trainer>(run_.context, *net_, run_.images, pool.labeled(), unlabeled,
                                            train_config(run_.config, run_.dataset, round));
  run_.progress.line(fmt::format("round {}: {} {} labels", round,
                                 propagates(run_.config) ? "propagating" : "training from scratch on",
                                 pool.labeled().size()));
}

bool RoundTrainer::complete() const {
  if (propagates(run_.config)) return history_.epochs() > 0;
  return history_.exhausted(run_.config.get<Int>("ssl.epochs"), run_.config.get<Int>("ssl.patience_epochs"));
}

bool RoundTrainer::train() {
  while (!complete()) {
    train_epoch();
    if (run_.progress.stop_asked()) return false;
    unsaved_.reset();
    stop_if_asked();
    end_epoch();
  }
  return true;
}

void RoundTrainer::train_epoch() {
  const Clock::time_point start = Clock::now();
  const Int begin = trainer_->step(), end = (history_.epochs() + 1) * run_.config.get<Int>("ssl.steps_per_epoch");
  unsaved_.emplace();
  train_until(end);
  history_.seconds += seconds_since(start);
  if (trainer_->step() > begin) save(false);  // before the evaluation, which can be repeated
}

void RoundTrainer::train_until(Int step) {
  constexpr double kSaveEvery = 300;  // seconds of work that a kill may cost
  const Int per_graph = run_.config.get<Int>("ssl.steps_per_graph");
  double step_seconds = 0;
  while (trainer_->step() < step && !run_.progress.stop_asked()) {
    // Chunks of about a quarter second keep the display alive and signals answered; they change no result.
    Int chunk = step_seconds > 0 ? std::clamp<Int>(Int(0.25 / step_seconds), 1, step - trainer_->step()) : 1;
    if (chunk > per_graph) chunk -= chunk % per_graph;
    const Clock::time_point start = Clock::now();
    trainer_->train(chunk);
    run_.context.synchronize();
    step_seconds = seconds_since(start) / double(chunk);
    show_progress();
    if (seconds_since(last_save_) > kSaveEvery && trainer_->step() < step) save(false);
  }
}

void RoundTrainer::show_progress() {
  const Int per_round = run_.config.get<Int>("ssl.epochs") * run_.config.get<Int>("ssl.steps_per_epoch");
  const Int rounds = run_.config.get<Int>("acquisition.rounds");
  run_.progress.update({.label = fmt::format("round {}/{} epoch {}/{}", round_, rounds, history_.accuracy.size() + 1,
                                             run_.config.get<Int>("ssl.epochs")),
                        .done = round_ * per_round + trainer_->step(),
                        .total = (rounds + 1) * per_round,
                        .detail = history_.measured() ? percent("acc ", history_.selecting().back()) : ""});
}

ssl::Evaluation RoundTrainer::evaluate(const ssl::ImageSet& images, const std::vector<int32_t>& labels) const {
  const Interruptible stoppable = run_.progress.stoppable();  // what was trained is saved
  const ssl::Prediction prediction = run_.predictor.predict(*net_, tested(), images);
  return ssl::evaluate(prediction.logits.to_host<float>(run_.context), labels, run_.dataset.classes());
}

void RoundTrainer::end_epoch() {
  const Clock::time_point start = Clock::now();
  const ssl::EpochLosses losses = trainer_->losses(run_.config.get<Int>("ssl.steps_per_epoch"));
  evaluate_epoch();
  if (history_.best_epoch() + 1 == history_.epochs()) keep_best();
  history_.seconds += seconds_since(start);
  record_epoch(losses);
  if (history_.epochs() > 1) return;
  Int bytes = 0;
  run_.context.for_each_scratch([&](Arena& arena) { bytes += arena.reserved_bytes(); });
  run_.progress.line(fmt::format("scratch memory: {:.1f} MB, the libraries' workspaces included", double(bytes) / 1e6));
}

// Of several averages the one that is best on the held-out images is tested; of equally good ones the first.
void RoundTrainer::choose_average() {
  averages_validated_.clear();
  for (Int k = 0; k < trainer_->averages(); ++k) {
    trainer_->choose_average(k);
    averages_validated_.push_back(evaluate(*validation_images_, run_.dataset.validation.labels).accuracy);
  }
  const auto best = std::ranges::max_element(averages_validated_);
  trainer_->choose_average(best - averages_validated_.begin());
  history_.validation.push_back(*best);
  if (trainer_->averages() > 1) history_.average.push_back(double(best - averages_validated_.begin()));
}

void RoundTrainer::evaluate_epoch() {
  if (validation_images_) choose_average();
  const ssl::Evaluation test = tests_ ? evaluate(test_images_, run_.dataset.test.labels) : ssl::Evaluation();
  history_.accuracy.push_back(test.accuracy);
  history_.loss.push_back(test.loss);
  history_.balanced_accuracy.push_back(test.balanced_accuracy);
  history_.calibration_error.push_back(test.calibration_error);
}

void RoundTrainer::keep_best() {
  history_.best_values.resize(size_t(net_->layout().total()));
  history_.best_running.resize(size_t(net_->layout().running_total()));
  run_.context.copy_out(history_.best_values.data(), tested().values);
  run_.context.copy_out(history_.best_running.data(), tested().running);
}

void RoundTrainer::record_epoch(const ssl::EpochLosses& losses) {
  nlohmann::ordered_json record = {{"round", round_},
                                   {"epoch", history_.epochs()},
                                   {"step", trainer_->step()},
                                   {"labels", labels_through(run_.directory.ledger().entries(), round_)},
                                   {"loss_x", losses.labeled},
                                   {"loss_u", losses.unlabeled},
                                   {"mask_rate", losses.mask_rate},
                                   {"pseudo_acc", losses.pseudo_acc},  // null where none could be judged
                                   {"test_acc", history_.accuracy.back()},
                                   {"test_loss", history_.loss.back()},
                                   {"balanced_acc", history_.balanced_accuracy.back()},
                                   {"ece", history_.calibration_error.back()},
                                   {"seconds", history_.seconds}};
  if (validation_images_) record["val_acc"] = history_.validation.back();
  if (!history_.average.empty()) {
    std::vector<double> decays = further_decays(run_.config);
    decays.insert(decays.begin(), run_.config.get<double>("ssl.ema_decay"));
    record["tested_decay"] = decays[size_t(history_.average.back())];
    record["val_acc_by_decay"] = averages_validated_;
  }
  add_pseudo_labels(record, *trainer_, run_.context, size_t(run_.dataset.classes()));
  run_.directory.append_metrics(record);
  run_.progress.line(fmt::format(
      "round {} epoch {}: loss {:.4f} + {:.4f}, mask {:.0f} %{}{}", round_, history_.epochs(), losses.labeled,
      losses.unlabeled, 100 * losses.mask_rate, percent(", test accuracy ", history_.accuracy.back()),
      validation_images_ ? percent(", validation accuracy ", history_.validation.back()) : ""));
}

std::string RoundTrainer::weights_file(const nn::Weights& weights, nn::Epoch epoch) const {
  nn::TensorFile file = nn::export_weights(run_.context, net_->layout(), weights, nn::Names::kekmodel);
  std::erase_if(file.tensors, [](const nn::TensorEntry& t) { return t.name.starts_with(nn::Projection::kPrefix); });
  nn::WeightsInfo info = weights_info(run_.config, run_.dataset);
  info.epoch = word_of(epoch);
  file.metadata = nn::to_metadata(info);
  return nn::encode_safetensors(std::move(file));
}

void RoundTrainer::commit() {
  save(true);
  const nn::WeightBuffers best(run_.context, net_->layout(), "best");
  run_.context.copy_in(best.weights().values, history_.best_values.data());
  run_.context.copy_in(best.weights().running, history_.best_running.data());
  run_.directory.files().commit(
      {{weights_name(round_, nn::Epoch::last), weights_file(tested(), nn::Epoch::last)},
       {weights_name(round_, nn::Epoch::best), weights_file(best.weights(), nn::Epoch::best)}});
}

RoundRow RoundTrainer::row() const {
  RoundRow row;
  row.round = round_;
  row.labels = labels_through(run_.directory.ledger().entries(), round_);
  if (tests_) {
    row.acc_last = history_.accuracy.back();
    row.acc_median = median_of_last(history_.accuracy, size_t(run_.config.get<Int>("eval.last")));
    row.acc_best = *std::max_element(history_.accuracy.begin(), history_.accuracy.end());
    row.acc_val = history_.at_best_validation();
    row.balanced_acc = history_.balanced_accuracy.back();
    row.ece = history_.calibration_error.back();
    row.loss = history_.loss.back();
  }
  row.epochs = history_.epochs();
  row.train_s = history_.seconds;
  return row;
}

std::string RoundTrainer::results(const RoundRow& row) const {
  const std::string ended = propagates(run_.config)
                                ? "propagated"
                                : "stopped " + history_.stop_reason(run_.config.get<Int>("ssl.epochs"),
                                                                    run_.config.get<Int>("ssl.patience_epochs"));
  return fmt::format("round {} with {} labels {}: {}, {}", round_, row.labels, ended, measured(row),
                     duration(row.train_s));
}

std::string RoundTrainer::measured(const RoundRow& row) const {
  if (tests_)
    return percent("last ", row.acc_last) + percent(", median ", row.acc_median) + percent(", best ", row.acc_best) +
           percent(", by validation ", row.acc_val);
  if (validation_images_)
    return percent("best validation accuracy ", history_.validation[size_t(history_.best_epoch())]);
  return "no labelled test images to measure by";
}

void RoundTrainer::save(bool round_end) {
  nn::TensorFile file;
  trainer_->save(file);
  history_.save(file);
  CheckpointInfo info;
  info.round = round_;
  info.step = trainer_->step();
  info.round_end = round_end;
  run_.directory.save_checkpoint(info, nn::encode_safetensors(std::move(file)));
  last_save_ = Clock::now();
}

void RoundTrainer::restore(const Checkpoint& checkpoint) {
  const std::string source = "checkpoint " + checkpoint.file;
  const nn::TensorFile file = nn::decode_safetensors(checkpoint.payload, source);
  trainer_->restore(file, source);
  history_ = RoundHistory::restore(file, source);
  if (history_.epochs() > 0)
    nn::check_values(net_->layout(), history_.best_values, history_.best_running, source + ", best");
  if (!history_.average.empty()) {
    const double average = history_.average.back();
    if (!(average >= 0 && average < double(trainer_->averages())))
      fail(ExitCode::corrupt_data, fmt::format("{}: 'history.average' says {}, and this run has {} averages", source,
                                               average, trainer_->averages()));
    trainer_->choose_average(Int(average));
  }
  // A round that ended stays as it ended: its query may be in the ledger.
  if (!checkpoint.info.round_end) history_.forget(!tests_, !validation_images_);
  run_.progress.line(fmt::format("resumed round {} at step {} from {}", round_, trainer_->step(), checkpoint.file));
}

}  // namespace crc::apps
