#include "apps/train/round_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/rundir/rounds.h"

namespace crc::apps {

bool RoundHistory::measured() const { return !selecting().empty() && !std::isnan(selecting().back()); }

int64_t RoundHistory::best_epoch() const {
  if (!measured()) return epochs() - 1;
  return std::max_element(selecting().begin(), selecting().end()) - selecting().begin();
}

double RoundHistory::at_best_validation() const { return validation.empty() ? kNone : accuracy[size_t(best_epoch())]; }

bool RoundHistory::exhausted(int64_t cap, int64_t patience) const {
  if (epochs() == 0) return false;
  return epochs() >= cap || (patience > 0 && epochs() - best_epoch() > patience);
}

std::string RoundHistory::stop_reason(int64_t cap, int64_t patience) const {
  if (epochs() >= cap) return fmt::format("at the cap of {} epochs", cap);
  return fmt::format("after {} epochs, {} without a better {} accuracy", epochs(), patience,
                     validation.empty() ? "test" : "validation");
}

void RoundHistory::forget(bool test, bool held_out) {
  if (held_out) validation.clear();
  if (!test) return;
  for (std::vector<double>* values : {&accuracy, &loss, &balanced_accuracy, &calibration_error})
    std::ranges::fill(*values, kNone);
}

void RoundHistory::fill(RoundRow& row, bool tested, size_t last) const {
  row.epochs = epochs();
  row.train_s = seconds;
  if (!tested) return;
  row.acc_last = accuracy.back();
  row.acc_median = median_of_last(accuracy, last);
  row.acc_best = *std::ranges::max_element(accuracy);
  row.acc_val = at_best_validation();
  row.balanced_acc = balanced_accuracy.back();
  row.ece = calibration_error.back();
  row.loss = loss.back();
}

void RoundHistory::save(nn::TensorFile& file) const {
  const auto add = [&](const char* name, const auto& v) { file.add(name, {int64_t(v.size())}, v); };
  add("history.accuracy", accuracy);
  add("history.loss", loss);
  add("history.balanced_accuracy", balanced_accuracy);
  add("history.calibration_error", calibration_error);
  add("history.validation", validation);
  if (!average.empty()) add("history.average", average);
  add("history.seconds", std::vector<double>{seconds});
  add("history.best_values", best_values);
  add("history.best_running", best_running);
}

RoundHistory RoundHistory::restore(const nn::TensorFile& file, const std::string& source) {
  const auto read = [&](const char* name) { return file.at(name, source).values<double>(); };
  const auto weights = [&](const char* name) { return file.at(name, source).values<float>(); };
  return {.accuracy = read("history.accuracy"),
          .loss = read("history.loss"),
          .balanced_accuracy = read("history.balanced_accuracy"),
          .calibration_error = read("history.calibration_error"),
          .validation = read("history.validation"),
          .average = file.find("history.average") ? read("history.average") : std::vector<double>(),
          .seconds = read("history.seconds").at(0),
          .best_values = weights("history.best_values"),
          .best_running = weights("history.best_running")};
}

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

double median_of_last(const std::vector<double>& values, size_t count) {
  std::vector<double> last(values.end() - std::ptrdiff_t(std::min(count, values.size())), values.end());
  std::erase_if(last, [](double value) { return std::isnan(value); });
  if (last.empty()) return kNone;
  std::sort(last.begin(), last.end());
  const size_t n = last.size();
  return (last[(n - 1) / 2] + last[n / 2]) / 2;
}

}  // namespace crc::apps
