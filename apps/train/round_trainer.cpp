#include "apps/train/round_trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/base/json.h"
#include "apps/config/method_keys.h"
#include "apps/ranks/orders.h"
#include "apps/train/weights_file.h"
#include "data/text.h"
#include "nn/weights_io.h"

namespace crc::apps {
namespace {

using Clock = std::chrono::steady_clock;
using Int = int64_t;

// "last 12.00 %"; nothing where nothing was measured.
std::string percent(const char* what, double fraction) {
  return std::isnan(fraction) ? "" : fmt::format("{}{:.2f} %", what, 100 * fraction);
}

}  // namespace

RoundTrainer::RoundTrainer(const RunContext& run)
    : run_(run),
      net_(make_training_net(run.config, run.dataset)),
      test_images_(upload(run.context, run.dataset.test, run.dataset.test.labels)),
      tests_(data::has_labels(run.dataset.test)),
      validation_labels_(validation_labels(run.config, run.dataset)) {
  if (run.config.get<bool>("run.tensorboard")) events_.emplace(run.directory.path());
  const data::Images& validation = run.dataset.validation;
  if (data::has_labels(validation)) validation_images_.emplace(upload(run.context, validation, validation_labels_));
}

void RoundTrainer::begin(Int round) {
  round_ = round;
  history_ = {};
  test_logits_.clear();
  finished_ = run_.directory.read_rounds();
  if (events_) events_->follow();
  const data::Pool pool = run_.labels.pool(round);
  make_trainer(round, pool.labeled(), pool.unlabeled());
  run_.progress.line(fmt::format("round {}: {} {}", round,
                                 propagates(run_.config) ? "propagating" : "training from scratch on",
                                 data::counted(int64_t(pool.labeled().size()), "label", "labels")));
}

void RoundTrainer::make_trainer(Int round, const std::vector<Int>& labeled, std::vector<Int> unlabeled) {
  if (run_.config.get<bool>("data.include_labeled_in_unlabeled")) {
    unlabeled.resize(size_t(run_.dataset.train.count));
    std::iota(unlabeled.begin(), unlabeled.end(), 0);
  }
  trainer_.reset();  // its memory goes first
  run_.context.for_each_scratch([](Arena& arena) { arena.clear(); });
  const ssl::TrainConfig config = train_config(run_.config, run_.dataset, round);
  ssl::rehearse(run_.context, *net_, run_.images, labeled, unlabeled, config, run_.ranks);
  order_trainer(run_.ranks, round, labeled, unlabeled, run_.labels.labels(round_), run_.context.gate().choices());
  trainer_ = std::make_unique<ssl::Trainer>(run_.context, *net_, run_.images, labeled, unlabeled, config, run_.ranks);
}

bool RoundTrainer::complete() const {
  if (propagates(run_.config)) return history_.epochs() > 0;
  return history_.exhausted(run_.config.get<Int>("ssl.epochs"), run_.config.get<Int>("ssl.patience_epochs"));
}

bool RoundTrainer::train() {
  const Int per_epoch = run_.config.get<Int>("ssl.steps_per_epoch");
  while (!complete()) {
    const Clock::time_point start = Clock::now();
    const bool whole = trainer_->step() == history_.epochs() * per_epoch;
    train_epoch();
    if (run_.progress.stop_asked()) return false;
    unsaved_.reset();
    stop_if_asked();
    end_epoch();
    if (whole) epoch_pace_.took(seconds_since(start));
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
  step_pace_ = {};
  while (trainer_->step() < step && !run_.progress.stop_asked()) {
    // Chunks of about a quarter second keep the display alive and signals answered; they change no result.
    Int chunk = step_seconds > 0 ? std::clamp<Int>(Int(0.25 / step_seconds), 1, step - trainer_->step()) : 1;
    if (chunk > per_graph) chunk -= chunk % per_graph;
    const Clock::time_point start = Clock::now();
    order_steps(run_.ranks, chunk);
    trainer_->train(chunk);
    run_.context.synchronize();
    trained_s_ += seconds_since(start);
    step_seconds = seconds_since(start) / double(chunk);
    step_pace_.took(step_seconds);
    show(fmt::format("epoch {}/{}", history_.epochs() + 1, run_.config.get<Int>("ssl.epochs")));
    warn_of_weeks();
    if (seconds_since(last_save_) > kSaveEvery && trainer_->step() < step) save(false);
  }
}

double RoundTrainer::seconds_left() const {
  Course course = course_of(run_.config);
  if (!tests_ && !validation_images_) course.patience = 0;  // what it counts is not measured
  const double per_epoch = double(course.steps_per_epoch);
  Place place{.round = round_ + 1, .queries = queries_in(finished_)};
  if (!complete()) {
    place.round = round_;
    place.epochs = double(trainer_->step()) / per_epoch;
    if (history_.epochs() > 0) place.since_best = history_.epochs() - history_.best_epoch();
  }
  const Work left = work_left(course, place, usual_epochs(finished_));
  const double epoch = epoch_pace_.seconds();
  return seconds_of(left, std::isfinite(epoch) ? epoch : per_epoch * step_pace_.seconds(), query_seconds(finished_));
}

void RoundTrainer::show(const std::string& doing) {
  if (!trainer_) return;  // of a round that another run has trained
  const Int per_round = run_.config.get<Int>("ssl.epochs") * run_.config.get<Int>("ssl.steps_per_epoch");
  const Int rounds = run_.config.get<Int>("acquisition.rounds");
  run_.progress.update({.label = fmt::format("round {}/{} {}", round_, rounds, doing),
                        .done = round_ * per_round + trainer_->step(),
                        .total = (rounds + 1) * per_round,
                        .detail = history_.measured() ? percent("acc ", history_.selecting().back()) : "",
                        .rate = 1 / step_pace_.seconds(),
                        .left = seconds_left()});
}

// Once, as soon as the pace can be told.
void RoundTrainer::warn_of_weeks() {
  constexpr double kLong = 14 * 86400.0, kTell = 2;  // seconds
  if (warned_ || trained_s_ < kTell) return;
  warned_ = true;
  const double left = seconds_left();
  if (left < kLong) return;
  const Course course = course_of(run_.config);
  run_.progress.warn(fmt::format(
      "at {:.3g} s a step this run takes about {} here: {} rounds of up to {} epochs of {} steps; a smaller network "
      "(model.depth, model.width), fewer steps (ssl.epochs, ssl.steps_per_epoch) or a GPU make it shorter",
      step_pace_.seconds(), duration(left), course.rounds, course.epochs, course.steps_per_epoch));
}

std::vector<float> RoundTrainer::logits_of(const ssl::ImageSet& images) const {
  const Interruptible stoppable = run_.progress.stoppable();  // what was trained is saved
  return run_.predictor.predict(*net_, tested(), images).logits.to_host<float>(run_.context);
}

ssl::Evaluation RoundTrainer::evaluate(const ssl::ImageSet& images, const std::vector<int32_t>& labels) const {
  return ssl::evaluate(logits_of(images), labels, run_.dataset.classes());
}

void RoundTrainer::end_epoch() {
  const Clock::time_point start = Clock::now();
  const ssl::EpochLosses losses = trainer_->losses(run_.config.get<Int>("ssl.steps_per_epoch"));
  show(fmt::format("epoch {}/{}, evaluation", history_.epochs() + 1, run_.config.get<Int>("ssl.epochs")));
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
    averages_validated_.push_back(evaluate(*validation_images_, validation_labels_).accuracy);
  }
  const auto best = std::ranges::max_element(averages_validated_);
  trainer_->choose_average(best - averages_validated_.begin());
  history_.validation.push_back(*best);
  if (trainer_->averages() > 1) history_.average.push_back(double(best - averages_validated_.begin()));
}

void RoundTrainer::evaluate_epoch() {
  const Int classes = run_.dataset.classes();
  if (validation_images_) choose_average();
  if (tests_) test_logits_ = logits_of(test_images_);
  const ssl::Evaluation test =
      tests_ ? ssl::evaluate(test_logits_, run_.dataset.test.labels, classes) : ssl::Evaluation();
  history_.accuracy.push_back(test.accuracy);
  history_.loss.push_back(test.loss);
  history_.balanced_accuracy.push_back(test.balanced_accuracy);
  history_.calibration_error.push_back(test.calibration_error);
}

// What the tested model gets wrong of the test images.
std::vector<NamedFile> RoundTrainer::mistakes() {
  if (!tests_) return {};
  if (test_logits_.empty()) test_logits_ = logits_of(test_images_);  // resumed at the round's end
  const data::Images& test = run_.dataset.test;
  const Int classes = run_.dataset.classes();
  return mistake_files(fmt::format("rounds/{:02}", round_), ssl::evaluate(test_logits_, test.labels, classes),
                       ssl::find_mistakes(test_logits_, test.labels, classes), test);
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
  if (events_) events_->follow();
  run_.progress.line(fmt::format(
      "round {} epoch {}: loss {:.4f} + {:.4f}, mask {:.0f} %{}{}", round_, history_.epochs(), losses.labeled,
      losses.unlabeled, 100 * losses.mask_rate, percent(", test accuracy ", history_.accuracy.back()),
      validation_images_ ? percent(", validation accuracy ", history_.validation.back()) : ""));
}

NamedFile RoundTrainer::weights_file(const nn::Weights& weights, nn::Epoch epoch) const {
  nn::TensorFile file = nn::export_weights(run_.context, net_->layout(), weights, nn::Names::kekmodel);
  std::erase_if(file.tensors, [](const nn::TensorEntry& t) { return t.name.starts_with(nn::Projection::kPrefix); });
  nn::WeightsInfo info = weights_info(run_.config, run_.dataset);
  info.epoch = word_of(epoch);
  file.metadata = nn::to_metadata(info);
  return {weights_name(round_, epoch), nn::encode_safetensors(std::move(file))};
}

void RoundTrainer::commit() {
  save(true);
  const nn::WeightBuffers best(run_.context, net_->layout(), "best");
  run_.context.copy_in(best.weights().values, history_.best_values.data());
  run_.context.copy_in(best.weights().running, history_.best_running.data());
  std::vector<NamedFile> files = mistakes();
  files.push_back(weights_file(tested(), nn::Epoch::last));
  files.push_back(weights_file(best.weights(), nn::Epoch::best));
  run_.directory.files().commit(files);
}

// As the round was trained, as long, but on other labels and, perhaps, with another round's random numbers.
void RoundTrainer::train_again(Int round, const std::vector<Int>& labeled, std::vector<Int> unlabeled,
                               const std::string& what, Int done, Int all) {
  make_trainer(round, labeled, std::move(unlabeled));
  if (!history_.average.empty()) trainer_->choose_average(Int(history_.average.back()));
  const Int epochs = history_.epochs() > 0 ? history_.epochs() : run_.config.get<Int>("ssl.epochs"),
            steps = propagates(run_.config) ? 0 : epochs * run_.config.get<Int>("ssl.steps_per_epoch");
  for (Int at_once = 1; trainer_->step() < steps;) {
    const Clock::time_point start = Clock::now();
    const Int chunk = std::min(at_once, steps - trainer_->step());
    order_steps(run_.ranks, chunk);
    trainer_->train(chunk);
    run_.context.synchronize();
    if (run_.progress.stop_asked()) throw Stopped();
    at_once = std::clamp<Int>(Int(double(at_once) * 0.25 / std::max(seconds_since(start), 1e-3)), 1, steps);
    run_.progress.update({.label = what, .done = done * steps + trainer_->step(), .total = all * steps, .detail = ""});
  }
}

double RoundTrainer::worth(const data::Pool& pool, std::span<const Int> more) {
  std::vector<Int> labeled = pool.labeled();
  labeled.insert(labeled.end(), more.begin(), more.end());
  const std::string what = fmt::format("round {} weighing queries", round_);
  train_again(round_ + 1, labeled, data::without(pool.unlabeled(), more), what, 0, 1);
  return validation_images_ ? evaluate(*validation_images_, validation_labels_).accuracy
                            : evaluate(test_images_, run_.dataset.test.labels).accuracy;
}

ssl::Evaluation RoundTrainer::train_without(const std::vector<data::LabeledItem>& part, Int fold) {
  const data::Pool pool = run_.labels.pool(round_);
  std::vector<Int> unlabeled = pool.unlabeled(), items;
  for (const data::LabeledItem& left_out : part) items.push_back(left_out.item);
  unlabeled.insert(unlabeled.end(), items.begin(), items.end());
  std::ranges::sort(unlabeled);
  const Int folds = run_.config.get<Int>("eval.cross_validation");
  const std::string what = fmt::format("round {} part {}/{}", round_, fold + 1, folds);
  train_again(round_, data::without(pool.labeled(), items), std::move(unlabeled), what, fold, folds);
  data::Images images = data::subset(run_.dataset.train, items);
  for (size_t k = 0; k < part.size(); ++k) images.labels[k] = part[k].label;
  return evaluate(upload(run_.context, images, images.labels), images.labels);
}

void RoundTrainer::cross_validate(RoundRow& row) {
  const Int folds = run_.config.get<Int>("eval.cross_validation"), classes = run_.dataset.classes();
  if (folds == 0) return;
  const data::Pool pool = run_.labels.pool(round_);
  for (Int c = 0; c < classes; ++c)
    if (const Int count = Int(pool.labeled_of_class(int32_t(c)).size()); count < folds)
      return run_.progress.warn(fmt::format(
          "round {} has no cross-validated accuracy: class {} has {}, and eval.cross_validation = {} needs {} of each",
          round_, data::legible(run_.dataset.class_names[size_t(c)]), data::counted(count, "label", "labels"), folds,
          folds));
  const std::vector<Int> fold_of =
      data::stratified_folds(pool.labels(), classes, folds, round_seed(run_.config, round_));
  FoldResults results(run_.directory.files(), round_, folds);
  for (Int fold = results.done(); fold < folds; ++fold) {
    std::vector<data::LabeledItem> part;
    for (size_t k = 0; k < fold_of.size(); ++k)
      if (fold_of[k] == fold) part.push_back(pool.labels()[k]);
    const ssl::Evaluation e = train_without(part, fold);
    results.add(std::llround(e.accuracy * double(e.images)), e.images);
  }
  trainer_.reset();
  results.fill(row);
}

RoundRow RoundTrainer::row() const {
  RoundRow row{.round = round_, .labels = labels_through(run_.directory.ledger().entries(), round_)};
  history_.fill(row, tests_, size_t(run_.config.get<Int>("eval.last")));
  return row;
}

std::string RoundTrainer::results(const RoundRow& row) const {
  const std::string ended = propagates(run_.config)
                                ? "propagated"
                                : "stopped " + history_.stop_reason(run_.config.get<Int>("ssl.epochs"),
                                                                    run_.config.get<Int>("ssl.patience_epochs"));
  return fmt::format("round {} with {} {}: {}, {}", round_, data::counted(row.labels, "label", "labels"), ended,
                     measured(row), duration(row.train_s));
}

std::string RoundTrainer::measured(const RoundRow& row) const {
  if (!std::isnan(row.acc_cv))
    return (tests_ ? percent("last ", row.acc_last) + ", " : "") +
           fmt::format("cross-validated {:.1f} % ({:.1f} to {:.1f})", 100 * row.acc_cv, 100 * row.acc_cv_low,
                       100 * row.acc_cv_high);
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
  order_restore(run_.ranks, checkpoint.payload);
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
