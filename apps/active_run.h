// One run of active semi-supervised learning in its directory: train, score, query, label, train again from scratch.
// Everything it decides is a function of configuration, data and ledger, so a run that was killed at any moment
// continues with the same labels and, on the CPU, the same bits.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "apps/experiment.h"
#include "apps/progress.h"
#include "apps/run_dir.h"
#include "data/pool.h"
#include "ssl/evaluate.h"
#include "ssl/trainer.h"

namespace crc::apps {

class ActiveRun {
 public:
  ActiveRun(Context& context, RunDir& directory, const data::Dataset& dataset, Progress& progress);

  // All rounds. Returns `ok`, or `preempted` after a checkpoint when a signal asked to stop.
  ExitCode run();

 private:
  // The course of the round in training; part of every checkpoint.
  struct History {
    std::vector<double> accuracy, loss, balanced_accuracy;  // one per epoch
    double seconds = 0;                                     // of training and evaluation
  };

  data::Pool pool_at(int64_t round) const;
  void begin_round(int64_t round);
  bool train_round();              // false: stopped by a signal, after a checkpoint
  bool round_complete() const;     // all epochs, or out of patience
  void train_until(int64_t step);  // at most to `step`; returns early when a signal arrived
  void show_progress();
  void end_epoch();
  void end_round();
  void query();
  void write_query(const select::Selection& selection);
  void save(bool round_end);
  void restore(const Checkpoint& checkpoint);

  Context& context_;
  RunDir& directory_;
  const Config& config_;
  const data::Dataset& dataset_;
  Progress& progress_;
  std::unique_ptr<nn::Net> net_;
  ssl::ImageSet train_images_, test_images_;
  NormalizeConfig normalize_;

  int64_t round_ = 0;
  std::unique_ptr<ssl::Trainer> trainer_;  // of the round in hand
  History history_;
  double best_score_ = kNone;  // of the last query
  std::chrono::steady_clock::time_point last_save_ = std::chrono::steady_clock::now();
};

}  // namespace crc::apps
