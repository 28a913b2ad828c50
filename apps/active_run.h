// One run of active semi-supervised learning in its directory: train, score, query, label, train again from scratch.
// Everything it decides is a function of configuration, data and ledger, so a run that was killed at any moment
// continues with the same labels and, on the CPU, the same bits.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "apps/experiment.h"
#include "apps/progress.h"
#include "apps/round_history.h"
#include "apps/run_dir.h"
#include "apps/run_start.h"
#include "apps/signals.h"
#include "data/pool.h"
#include "ssl/evaluate.h"
#include "ssl/trainer.h"

namespace crc::apps {

class ActiveRun {
 public:
  ActiveRun(Context& context, RunDir& directory, const data::Dataset& dataset, Progress& progress);

  // All rounds. Returns `ok`, with the run to be marked as done when its report is written, or `preempted` after a
  // checkpoint when a signal asked to stop.
  ExitCode run();

 private:
  int64_t begin();  // records the first labels; returns the first round to train
  std::vector<Answer> first_labels();
  void adopt(const RunStart& start);  // round 0 of another run as this one's
  data::Pool pool_at(int64_t round) const;
  void begin_round(int64_t round);
  bool train_round();  // false: stopped by a signal, after a checkpoint
  void train_epoch();  // to its end, or until a signal came; saved in any case
  bool round_complete() const;
  void train_until(int64_t step);  // at most to `step`; returns early when a signal arrived
  void show_progress();
  void end_epoch();
  void end_round();
  RoundRow round_row();
  std::string results(const RoundRow& row) const;  // in words
  const nn::Weights& tested() const { return trainer_->tested(); }
  ssl::Evaluation evaluate(const ssl::ImageSet& images, const std::vector<int32_t>& labels);
  std::string weights_file(const nn::Weights& weights, const std::string& epoch);  // "best" or "last"
  nn::WeightBuffers scoring_model(int64_t round);                                  // scores the pool after `round`
  ssl::Prediction predict_pool(int64_t round);                                     // by that model
  select::Selection select(const ssl::Prediction& prediction, const nn::Weights& weights, const data::Pool& pool,
                           select::Config config);
  void commit_query(int64_t round, const std::string& folder, const select::Selection& selection,
                    const std::vector<NamedFile>& more = {});
  std::vector<Answer> ask(const select::Selection& selection, const fs::path& query_file);
  void query(int64_t round);
  void save(bool round_end);
  void restore(const Checkpoint& checkpoint);

  Context& context_;
  RunDir& directory_;
  const Config& config_;
  const data::Dataset& dataset_;
  Progress& progress_;
  std::unique_ptr<nn::Net> net_, exact_net_;  // trains and is tested; scores the pool, in true fp32
  std::vector<int32_t> labels_;               // [N] of the training images, -1: nobody gave one yet
  ssl::ImageSet train_images_, test_images_;
  bool tests_;                                      // some test image has a label
  std::optional<ssl::ImageSet> validation_images_;  // if they have labels
  NormalizeConfig normalize_;

  int64_t round_ = 0;
  std::unique_ptr<ssl::Trainer> trainer_;  // of the round in hand
  RoundHistory history_;                   // of the round in hand
  std::optional<ssl::Prediction> pool_prediction_;
  std::optional<FinishFirst> unsaved_;  // while there are steps that no checkpoint holds, and from a stop on
  std::chrono::steady_clock::time_point last_save_ = std::chrono::steady_clock::now();
};

}  // namespace crc::apps
