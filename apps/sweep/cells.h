// The directories of a sweep's cells: are they what the sweep would make, how far are they, does anybody work on them.
#pragma once

#include <vector>

#include "apps/base/files.h"
#include "apps/config/config.h"

namespace crc::apps {

struct PlannedRun {  // what a cell's run is to be
  fs::path directory;
  Config config;        // start.run: only the last part of the path must be the same; empty: anything
  bool adopts = false;  // begins with a round that another run has trained
};

// Error 65 when the directory holds a run with other settings than the cell's, naming them; without a run: nothing.
void check_cell(const PlannedRun& cell);

// In optimizer steps, as if no round ended before its last epoch.
class CellProgress {
 public:
  explicit CellProgress(std::vector<PlannedRun> cells);
  int64_t total() const;
  int64_t done();            // never less than before
  int64_t finished() const;  // cells, when done() was called last

 private:
  std::vector<PlannedRun> cells_;
  std::vector<int64_t> steps_, done_;  // of each cell
};

// Waits until nobody works on these directories, five seconds at most: a parent that died has asked its children to
// save and go.
void await_free(const std::vector<PlannedRun>& cells);

}  // namespace crc::apps
