// The directories of a sweep's cells: are they what the sweep would make, how far are they, does anybody work on them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/base/files.h"
#include "apps/config/config.h"
#include "apps/watch/follower.h"

namespace crc::apps {

struct PlannedRun {  // what a cell's run is to be
  fs::path directory;
  Config config;        // start.run: only the last part of the path must be the same; empty: anything
  bool adopts = false;  // begins with a round that another run has trained
  int phase = 0;        // begins when the cells of earlier ones are done
};

// Error 65 when the directory holds a run with other settings than the cell's, naming them; without a run: nothing.
void check_cell(const PlannedRun& cell);

// How far they are, and how long the rest takes, `at_a_time` of them side by side, by what their files say.
class CellProgress {
 public:
  explicit CellProgress(std::vector<PlannedRun> cells, int64_t at_a_time = 1);
  ~CellProgress();
  int64_t total() const;     // optimizer steps, as if no round ended before its last epoch
  int64_t done();            // of these, never less than before; reads the files
  int64_t finished() const;  // cells

  // As done() found the files, at the time `now` (seconds; the first call begins). Every cell still takes its epochs
  // and queries (work_left), which take as long as those of cells like it; the cells of a phase take the places that
  // become free; and all is stretched as this command's own time has been. NaN before the first epoch of any cell.
  double seconds_left(double now);

 private:
  struct Cell;
  struct Cost {
    double epoch = kNone, query = 0, usual = kNone;  // seconds; epochs of a round
  };
  std::map<std::string, Cost> costs() const;
  std::vector<Cell> cells_;
  int64_t at_a_time_;
  double last_ = kNone, worked_ = 0;  // seconds of all places that had something to do
};

// Waits until nobody works on these directories, five seconds at most: a parent that died has asked its children to
// save and go.
void await_free(const std::vector<PlannedRun>& cells);

}  // namespace crc::apps
