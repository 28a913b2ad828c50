// One run of active semi-supervised learning in its directory: train, score, query, label, train again from scratch
// (the paper's Algorithm 1). Everything it decides is a function of configuration, data and ledger, so a run that was
// killed at any moment continues with the same labels and, on the CPU, the same bits.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/rundir/query_files.h"
#include "apps/train/experiment.h"
#include "apps/train/pool_scorer.h"
#include "apps/train/round_trainer.h"
#include "apps/train/run_start.h"

namespace crc::apps {

class ActiveRun {
 public:
  // Asked before a round begins, with everything of the round before on disk: whether the run is to end here, because
  // the pool is another one from this round on.
  using BeforeRound = std::function<bool(int64_t round)>;
  ActiveRun(Context& context, RunDir& directory, const data::Dataset& dataset, Progress& progress,
            Ranks* ranks = nullptr, BeforeRound ends_before = {});

  // All rounds. Returns `ok`, with the run to be marked as done when its report is written; `preempted` after a
  // checkpoint when a signal, or who listens to the progress, asked to stop; nothing where it ends before a round.
  std::optional<ExitCode> run();

 private:
  std::optional<ExitCode> run_rounds();
  int64_t first_round(const std::optional<Checkpoint>& checkpoint);
  int64_t begin();  // records the first labels; returns the first round to train
  std::vector<Answer> first_labels();
  void take_labels(int64_t round);
  void adopt(const RunStart& start);  // round 0 of another run as this one's
  void end_round(int64_t round);
  void query(int64_t round);
  // The selection as files of the run and words; returns the labels of its items.
  std::vector<Answer> ask(const Query& query, const select::Selection& selection,
                          const std::vector<NamedFile>& more = {});
  NamedFile label_page(const Query& query) const;

  RunContext run_;
  BeforeRound ends_before_;
  RoundTrainer trainer_;
  PoolScorer scorer_;
};

}  // namespace crc::apps
