// How far a run is, by its files alone, read again and again while somebody works on it. Only what is new is read; no
// lock is taken and nothing is checked, for that is what read_run is for. A file that is torn, damaged or gone says
// nothing, and is never an error.
#pragma once

#include <string>
#include <vector>

#include "apps/base/files.h"
#include "apps/watch/time_left.h"

namespace crc::apps {

class Follower {
 public:
  explicit Follower(fs::path run) : run_(std::move(run)) {}
  void look();

  const fs::path& run() const { return run_; }
  const std::vector<RoundRow>& finished() const { return rows_; }  // rounds
  int64_t round() const { return int64_t(rows_.size()); }          // in hand
  int64_t epochs() const { return epochs_; }                       // of it that are evaluated
  int64_t step() const { return step_; }                           // of it, by its newest evaluation or checkpoint
  Place place(const Course& course) const;
  bool measured() const { return measured_; }  // some evaluation had an accuracy
  // Without an accuracy in what was evaluated no patience ends a round: there is nothing that it could count.
  Course as_measured(Course course) const;
  double accuracy() const;                    // the newest; NaN: none
  int64_t labels() const { return labels_; }  // that the newest evaluation was trained on; 0: there was none

  // Of the last ten epochs, with their evaluations; before the first is over, by the checkpoints in it. NaN: not known.
  double epoch_seconds(const Course& course) const;
  double steps_per_second(const Course& course) const { return double(course.steps_per_epoch) / epoch_seconds(course); }

 private:
  void read_rounds();
  void read_metrics();
  void take_line(std::string_view line);
  void read_checkpoints();

  fs::path run_;
  std::vector<RoundRow> rows_;
  std::string rounds_text_;
  int64_t metrics_read_ = 0;                       // bytes of metrics.jsonl
  int64_t metrics_round_ = -1, metrics_step_ = 0;  // of its last line
  int64_t epochs_ = 0, step_ = 0, labels_ = 0;
  double seconds_ = 0, accuracy_ = kNone, best_ = kNone;  // of the round of the last line
  int64_t best_epoch_ = 0;
  bool measured_ = false;
  Pace epoch_pace_;
  int64_t checkpoint_round_ = -1, checkpoint_step_ = 0;  // of the newest
  double step_pace_ = kNone;                             // seconds of a step, by the checkpoints of a round
  fs::file_time_type index_time_{};
};

}  // namespace crc::apps
