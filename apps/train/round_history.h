// The course of one round of training: its evaluations, which of them counts as best, and the weights of that one. Part
// of every checkpoint, so a resumed round stops at the same epoch and scores with the same weights.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "nn/safetensors.h"
#include "ssl/trainer.h"

namespace crc::apps {

struct RoundRow;  // apps/rundir/rounds.h

struct RoundHistory {
  std::vector<double> accuracy, loss, balanced_accuracy,
      calibration_error;           // on the test set, one per epoch; NaN: none
  std::vector<double> validation;  // accuracy on the validation split; empty: there is none
  std::vector<double> average;     // of several averages the one that was tested (Trainer::choose_average)
  double seconds = 0;              // of training and evaluation
  std::vector<float> best_values, best_running;  // the tested model's at best_epoch()

  int64_t epochs() const { return int64_t(accuracy.size()); }
  // What selects the best epoch and feeds the patience: the validation accuracy, or, as the paper's code bases do, the
  // test accuracy when there is no validation split. Without either, nothing is measured: the last epoch counts as best
  // and no patience ends the round.
  const std::vector<double>& selecting() const { return validation.empty() ? accuracy : validation; }
  bool measured() const;
  int64_t best_epoch() const;                           // the first best, from 0; at least one epoch
  double at_best_validation() const;                    // test accuracy there; NaN without a validation split
  bool exhausted(int64_t cap, int64_t patience) const;  // no further epoch
  std::string stop_reason(int64_t cap, int64_t patience) const;

  // What a round's row has of it; `tested`: by labelled test images; `last`: of how many evaluations it has the median.
  void fill(RoundRow& row, bool tested, size_t last) const;

  // Earlier versions wrote zeros where there was nothing to measure by.
  void forget(bool test, bool held_out);

  void save(nn::TensorFile& file) const;
  static RoundHistory restore(const nn::TensorFile& file, const std::string& source);
};

// What an epoch's pseudo-labels were worth by class, and what the method remembers, if it has no more numbers than there
// are classes; into the epoch's line of metrics.jsonl.
void add_pseudo_labels(nlohmann::ordered_json& record, ssl::Trainer& trainer, Context& context, size_t classes);

double median_of_last(const std::vector<double>& values, size_t count);  // of numbers; NaN for none

}  // namespace crc::apps
