#include "apps/active_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/score_histogram.h"
#include "apps/signals.h"
#include "data/contact_sheet.h"
#include "data/npz.h"
#include "nn/weights_io.h"

namespace crc::apps {
namespace {

using Clock = std::chrono::steady_clock;
using Int = int64_t;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string_view text_of(const data::Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

double median_of_last(const std::vector<double>& values, size_t count) {
  std::vector<double> last(values.end() - std::ptrdiff_t(std::min(count, values.size())), values.end());
  if (last.empty()) return kNone;
  std::sort(last.begin(), last.end());
  const size_t n = last.size();
  return (last[(n - 1) / 2] + last[n / 2]) / 2;
}

ssl::ImageSet upload(Context& context, const data::Images& images) {
  return {context, images.count, images.height, images.width, images.pixels.data(), images.labels.data()};
}

}  // namespace

ActiveRun::ActiveRun(Context& context, RunDir& directory, const data::Dataset& dataset, Progress& progress)
    : context_(context),
      directory_(directory),
      config_(directory.config()),
      dataset_(dataset),
      progress_(progress),
      net_(make_net(config_, dataset)),
      train_images_(upload(context, dataset.train)),
      test_images_(upload(context, dataset.test)),
      normalize_(normalize_config(config_, dataset)) {}

ExitCode ActiveRun::run() {
  std::vector<Answer> initial;
  for (Int id : data::draw_initial(dataset_.train.labels, dataset_.classes(), config_.get<Int>("acquisition.initial"),
                                   uint32_t(config_.get<Int>("run.seed"))))
    initial.push_back({id, dataset_.train.labels[id]});
  directory_.ledger().record(0, "initial", initial);

  const std::optional<Checkpoint> checkpoint = directory_.resume();
  for (const std::string& note : directory_.notes()) progress_.warn(note);
  const Int rounds = config_.get<Int>("acquisition.rounds");
  for (Int round = checkpoint ? checkpoint->info.round : 0; round <= rounds; ++round) {
    begin_round(round);
    if (checkpoint && checkpoint->info.round == round) restore(*checkpoint);
    if (!train_round()) {
      directory_.mark(Marker::preempted, "stopped by " + stop_signal_name());
      return ExitCode::preempted;
    }
    end_round();
    if (round < rounds) query();
  }
  directory_.mark(Marker::done, fmt::format("{} rounds, {} labels", rounds + 1, directory_.ledger().size()));
  return ExitCode::ok;
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
  trainer_.reset();  // its memory goes first
  trainer_ = std::make_unique<ssl::Trainer>(context_, *net_, train_images_, pool.labeled_ids(), unlabeled,
                                            train_config(config_, dataset_, round));
  progress_.line(fmt::format("round {}: training from scratch on {} labels", round, pool.labeled_ids().size()));
}

bool ActiveRun::round_complete() const {
  const Int done = Int(history_.accuracy.size()), patience = config_.get<Int>("ssl.patience_epochs");
  if (done >= config_.get<Int>("ssl.epochs")) return true;
  const auto best = std::max_element(history_.accuracy.begin(), history_.accuracy.end());
  return patience > 0 && done - (best - history_.accuracy.begin()) > patience;
}

bool ActiveRun::train_round() {
  const Int steps_per_epoch = config_.get<Int>("ssl.steps_per_epoch");
  while (!round_complete()) {
    const Clock::time_point start = Clock::now();
    const Int epoch_end = (Int(history_.accuracy.size()) + 1) * steps_per_epoch;
    train_until(epoch_end);
    history_.seconds += seconds_since(start);
    if (trainer_->step() == epoch_end) end_epoch();
    if (stop_requested()) {
      save(false);
      return false;
    }
  }
  return true;
}

void ActiveRun::train_until(Int step) {
  constexpr double kSaveEvery = 300;  // seconds of work that a kill may cost
  double step_seconds = 0;
  while (trainer_->step() < step && !stop_requested()) {
    // Chunks of about a quarter second keep the display alive and signals answered; they change no result.
    const Int chunk = step_seconds > 0 ? std::clamp<Int>(Int(0.25 / step_seconds), 1, step - trainer_->step()) : 1;
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
  const double accuracy = history_.accuracy.empty() ? 0 : history_.accuracy.back();
  progress_.update({.label = fmt::format("round {}/{} epoch {}/{}", round_, rounds, history_.accuracy.size() + 1,
                                         config_.get<Int>("ssl.epochs")),
                    .done = round_ * per_round + trainer_->step(),
                    .total = (rounds + 1) * per_round,
                    .detail = history_.accuracy.empty() ? "" : fmt::format("acc {:.1f} %", 100 * accuracy)});
}

void ActiveRun::end_epoch() {
  const Clock::time_point start = Clock::now();
  const Int steps = config_.get<Int>("ssl.steps_per_epoch");
  const ssl::EpochLosses losses = trainer_->losses(steps);
  const ssl::Prediction prediction =
      ssl::predict(context_, *net_, trainer_->tested(), test_images_, normalize_, config_.get<Int>("eval.batch"));
  const ssl::Evaluation test =
      ssl::evaluate(prediction.logits.to_host<float>(context_), dataset_.test.labels, dataset_.classes());
  history_.accuracy.push_back(test.accuracy);
  history_.loss.push_back(test.loss);
  history_.balanced_accuracy.push_back(test.balanced_accuracy);
  history_.seconds += seconds_since(start);
  directory_.append_metrics({{"round", round_},
                             {"epoch", history_.accuracy.size()},
                             {"step", trainer_->step()},
                             {"labels", labels_through(directory_.ledger().labels(), round_)},
                             {"loss_x", losses.labeled},
                             {"loss_u", losses.unlabeled},
                             {"mask_rate", losses.mask_rate},
                             {"pseudo_acc", losses.pseudo_acc},  // null where no pseudo-label could be judged
                             {"test_acc", test.accuracy},
                             {"test_loss", test.loss},
                             {"balanced_acc", test.balanced_accuracy},
                             {"seconds", history_.seconds}});
  progress_.line(fmt::format("round {} epoch {}: loss {:.4f} + {:.4f}, mask {:.0f} %, test accuracy {:.2f} %", round_,
                             history_.accuracy.size(), losses.labeled, losses.unlabeled, 100 * losses.mask_rate,
                             100 * test.accuracy));
  if (!round_complete()) save(false);
}

void ActiveRun::end_round() {
  save(true);
  const std::string weights =
      nn::encode_safetensors(nn::export_weights(context_, net_->layout(), trainer_->tested(), nn::Names::kekmodel));
  commit_file(directory_.round_path(round_) / "weights.safetensors", weights);

  std::vector<RoundRow> rows = directory_.read_rounds();
  std::erase_if(rows, [&](const RoundRow& row) { return row.round >= round_; });
  RoundRow row;
  row.round = round_;
  row.labels = labels_through(directory_.ledger().labels(), round_);
  row.acc_last = history_.accuracy.back();
  row.acc_median = median_of_last(history_.accuracy, size_t(config_.get<Int>("eval.last")));
  row.acc_best = *std::max_element(history_.accuracy.begin(), history_.accuracy.end());
  row.balanced_acc = history_.balanced_accuracy.back();
  row.loss = history_.loss.back();
  row.epochs = Int(history_.accuracy.size());
  row.train_s = history_.seconds;
  rows.push_back(row);
  directory_.write_rounds(rows);
  progress_.line(fmt::format("round {} with {} labels: last {:.2f} %, median {:.2f} %, best {:.2f} %, {}", round_,
                             row.labels, 100 * row.acc_last, 100 * row.acc_median, 100 * row.acc_best,
                             duration(row.train_s)));
}

void ActiveRun::query() {
  const Clock::time_point start = Clock::now();
  const data::Pool pool = pool_at(round_);
  const std::vector<Int> labeled = pool.labeled_ids(), unlabeled = pool.unlabeled_ids();
  const ssl::Prediction prediction =
      ssl::predict(context_, *net_, trainer_->tested(), train_images_, normalize_, config_.get<Int>("eval.batch"));
  const select::Selection selection = select::select(context_,
                                                     {.features = prediction.features.view<float, 2>(),
                                                      .logits = prediction.logits.view<float, 2>(),
                                                      .labeled = labeled,
                                                      .unlabeled = unlabeled,
                                                      .classes = dataset_.classes()},
                                                     selection_config(config_, round_));
  write_query(selection);

  std::vector<RoundRow> rows = directory_.read_rounds();
  rows.back().query_s = seconds_since(start);
  if (selection.rank > 0 && !selection.groups.empty()) rows.back().lambda_min = selection.groups.front().score;
  directory_.write_rounds(rows);
  progress_.line(selection.summary);

  std::vector<Answer> answers;
  for (Int id : selection.picks) {
    if (dataset_.train.labels[id] < 0)
      fail(ExitCode::waiting_for_labels,
           fmt::format("item {} has no label in {}; give labels for the items of {}", id, dataset_.name,
                       (directory_.round_path(round_) / "query.csv").string()));
    answers.push_back({id, dataset_.train.labels[id]});
  }
  directory_.ledger().record(round_ + 1, "oracle", answers);
}

// rounds/NN/: query.csv (the items, best group first), query.png (what they look like), scores.npz (all candidates),
// scores.json (how they are distributed).
void ActiveRun::write_query(const select::Selection& selection) {
  std::string csv = "item,group,score\n";
  for (size_t g = 0; g < selection.groups.size(); ++g)
    for (Int id : selection.groups[g].items) csv += fmt::format("{},{},{:.17g}\n", id, g, selection.groups[g].score);
  const fs::path folder = directory_.round_path(round_);
  commit_file(folder / "query.csv", csv);

  std::vector<data::Tile> tiles;
  const size_t shown = std::min(selection.picks.size(), size_t(config_.get<Int>("report.query_images")));
  for (size_t i = 0; i < shown; ++i) tiles.push_back({dataset_.train.image(selection.picks[i])});
  const data::Images& images = dataset_.train;
  if (!tiles.empty())
    commit_file(folder / "query.png", text_of(data::encode_png(data::contact_sheet(
                                          tiles, images.height, images.width, {.scale = images.height < 32 ? 3 : 2}))));

  data::NpzWriter scores;
  const Int count = Int(selection.scores.size());
  scores.add<double>("scores", selection.scores, std::vector<Int>{count});
  scores.add<Int>("candidates", selection.candidates, std::vector<Int>{count, selection.group_size});
  scores.add<Int>("picks", selection.picks, std::vector<Int>{Int(selection.picks.size())});
  commit_file(folder / "scores.npz", text_of(scores.finish()));

  // Of the chosen candidates the histogram marks the scores; a candidate is known by its first item.
  std::vector<Int> chosen;
  for (const select::Group& group : selection.groups)
    for (Int k = 0; k < count; ++k)
      if (selection.candidates[size_t(k * selection.group_size)] == group.items.front()) chosen.push_back(k);
  commit_file(folder / "scores.json", to_json(make_histogram(selection.scores, chosen)));
}

void ActiveRun::save(bool round_end) {
  nn::TensorFile file;
  trainer_->save(file);
  const auto add = [&](const char* name, const std::vector<double>& v) { file.add(name, {Int(v.size())}, v); };
  add("history.accuracy", history_.accuracy);
  add("history.loss", history_.loss);
  add("history.balanced_accuracy", history_.balanced_accuracy);
  add("history.seconds", {history_.seconds});
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
  const auto read = [&](const char* name) { return file.at(name, source).values<double>(); };
  history_ = {read("history.accuracy"), read("history.loss"), read("history.balanced_accuracy"),
              read("history.seconds").at(0)};
  progress_.line(fmt::format("resumed round {} at step {} from {}", round_, trainer_->step(), checkpoint.file));
}

}  // namespace crc::apps
