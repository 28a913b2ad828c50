// One run as a line of `crc_train watch`: where it stands, by its files and without its lock.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/watch/follower.h"

namespace crc::apps {

// to_come: it has no directory yet. silent: its process is on another machine, and has written nothing for long.
enum class WatchState { running, silent, killed, preempted, waiting, damaged, gone, done, to_come };
std::string to_string(WatchState state);

struct RunStanding {
  std::string name;
  WatchState state = WatchState::to_come;
  int64_t round = 0, rounds = 0, epoch = 0, epochs = 0, labels = 0;
  double accuracy = kNone;           // a fraction
  double rate = kNone;               // steps per second, evaluation included
  double left = kNone, age = kNone;  // seconds: until its end, and since its last sign of life
};

// Looks again and again; what has not changed is not read again.
class WatchedRun {
 public:
  WatchedRun(fs::path run, std::string name);
  const RunStanding& look();

 private:
  WatchState state() const;
  void read_config();
  void count_labels();
  Follower follower_;
  RunStanding standing_;
  std::optional<Course> course_;
  bool seen_ = false;
  int64_t ledger_bytes_ = 0;
};

// The lines of a table, none wider than `columns`: of narrow ones the columns that matter least go. `most` lines (0: any
// number): of what does not fit, those to come and those that are done are counted instead.
std::vector<std::string> watch_table(const std::vector<RunStanding>& runs, int columns, int most = 0);

int64_t width_of(std::string_view utf8);  // characters

}  // namespace crc::apps
