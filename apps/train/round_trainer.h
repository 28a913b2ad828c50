// Trains one round from scratch on the labels of its pool, evaluates after every epoch, and keeps the best model. A
// round that was stopped at any moment goes on from its checkpoint and, on the CPU, ends with the same bits.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "apps/base/signals.h"
#include "apps/rundir/query_files.h"
#include "apps/train/experiment.h"
#include "apps/train/round_history.h"
#include "apps/watch/tensorboard.h"
#include "apps/watch/time_left.h"
#include "ssl/evaluate.h"
#include "ssl/trainer.h"

namespace crc::apps {

class RoundTrainer {
 public:
  explicit RoundTrainer(const RunContext& run);

  void begin(int64_t round);
  void restore(const Checkpoint& checkpoint);  // of that round
  bool train();                                // to the round's end; false: stopped by a signal, after a checkpoint

  // With eval.cross_validation, after commit(): the columns of that. Parts that were trained before a kill are read from
  // rounds/NN/folds.json. Frees what the round's own training holds.
  void cross_validate(RoundRow& row);

  // After commit(): the accuracy that the next round will have, last epoch, if `more` items are labelled as the data set
  // knows them; on held-out images, else on those of the test set. Frees the same.
  double worth(const data::Pool& pool, std::span<const int64_t> more);

  void commit();         // the last checkpoint, the weights of the last and of the best epoch
  RoundRow row() const;  // what training and the test set say of it; the query's columns stay empty
  std::string results(const RoundRow& row) const;  // in words
  void show(const std::string& doing);             // where the run stands, on its progress line

 private:
  bool complete() const;
  ssl::Evaluation train_without(const std::vector<data::LabeledItem>& part, int64_t fold);
  void make_trainer(int64_t round, const std::vector<int64_t>& labeled, std::vector<int64_t> unlabeled);
  void train_again(int64_t round, const std::vector<int64_t>& labeled, std::vector<int64_t> unlabeled,
                   const std::string& what, int64_t done, int64_t all);
  void train_epoch();              // to its end, or until a signal came; saved in any case
  void train_until(int64_t step);  // at most to `step`; returns early when a signal arrived
  double seconds_left() const;
  void warn_of_weeks();
  void end_epoch();
  void evaluate_epoch();
  void choose_average();
  void keep_best();
  void record_epoch(const ssl::EpochLosses& losses);
  void save(bool round_end);
  const nn::Weights& tested() const { return trainer_->tested(); }
  std::string measured(const RoundRow& row) const;
  std::vector<float> logits_of(const ssl::ImageSet& images) const;  // [N,C]
  ssl::Evaluation evaluate(const ssl::ImageSet& images, const std::vector<int32_t>& labels) const;
  std::vector<NamedFile> mistakes();
  NamedFile weights_file(const nn::Weights& weights, nn::Epoch epoch) const;

  const RunContext& run_;
  std::unique_ptr<nn::Net> net_;
  ssl::ImageSet test_images_;
  bool tests_;                                      // some test image has a label
  std::vector<int32_t> validation_labels_;          // as the annotator gave them
  std::optional<ssl::ImageSet> validation_images_;  // if they have labels
  std::optional<EventLog> events_;                  // run.tensorboard

  int64_t round_ = 0;
  std::unique_ptr<ssl::Trainer> trainer_;
  RoundHistory history_;
  std::vector<float> test_logits_;  // of the last epoch; empty: not evaluated since
  std::vector<RoundRow> finished_;  // rounds
  Pace epoch_pace_, step_pace_;     // of epochs with evaluation and checkpoint; of a step, by chunks of this epoch
  double trained_s_ = 0;            // in this process
  bool warned_ = false;
  std::vector<double> averages_validated_;  // this epoch's validation accuracy of each average
  std::optional<FinishFirst> unsaved_;      // while there are steps that no checkpoint holds, and from a stop on
  std::chrono::steady_clock::time_point last_save_ = std::chrono::steady_clock::now();
};

}  // namespace crc::apps
