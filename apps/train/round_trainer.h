// Trains one round from scratch on the labels of its pool, evaluates after every epoch, and keeps the best model. A
// round that was stopped at any moment goes on from its checkpoint and, on the CPU, ends with the same bits.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "apps/base/signals.h"
#include "apps/train/experiment.h"
#include "apps/train/round_history.h"
#include "ssl/evaluate.h"
#include "ssl/trainer.h"

namespace crc::apps {

class RoundTrainer {
 public:
  explicit RoundTrainer(const RunContext& run);

  void begin(int64_t round);
  void restore(const Checkpoint& checkpoint);  // of that round
  bool train();                                // to the round's end; false: stopped by a signal, after a checkpoint

  void commit();         // the last checkpoint, the weights of the last and of the best epoch
  RoundRow row() const;  // what training and the test set say of it; the query's columns stay empty
  std::string results(const RoundRow& row) const;  // in words

 private:
  bool complete() const;
  void train_epoch();              // to its end, or until a signal came; saved in any case
  void train_until(int64_t step);  // at most to `step`; returns early when a signal arrived
  void show_progress();
  void end_epoch();
  void evaluate_epoch();
  void choose_average();
  void keep_best();
  void record_epoch(const ssl::EpochLosses& losses);
  void save(bool round_end);
  const nn::Weights& tested() const { return trainer_->tested(); }
  std::string measured(const RoundRow& row) const;
  ssl::Evaluation evaluate(const ssl::ImageSet& images, const std::vector<int32_t>& labels) const;
  std::string weights_file(const nn::Weights& weights, nn::Epoch epoch) const;

  const RunContext& run_;
  std::unique_ptr<nn::Net> net_;
  ssl::ImageSet test_images_;
  bool tests_;                                      // some test image has a label
  std::optional<ssl::ImageSet> validation_images_;  // if they have labels

  int64_t round_ = 0;
  std::unique_ptr<ssl::Trainer> trainer_;
  RoundHistory history_;
  std::vector<double> averages_validated_;  // this epoch's validation accuracy of each average
  std::optional<FinishFirst> unsaved_;      // while there are steps that no checkpoint holds, and from a stop on
  std::chrono::steady_clock::time_point last_save_ = std::chrono::steady_clock::now();
};

}  // namespace crc::apps
