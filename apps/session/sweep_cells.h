// The cells of a sweep: refused before the first begins, trained in processes of their own, or in this one.
#pragma once

#include <string>
#include <vector>

#include "apps/sweep/sweep.h"

namespace crc::apps {

using Cells = std::vector<const SweepCell*>;

struct CellsToCome {
  int64_t together = 1;  // cells per process; one of several starts no further processes (run.ranks)
  bool anew = false;     // those that have a run, too
  bool here = true;      // this machine is the one that trains them
};

// What any of those without a run would be refused for, as the run itself is; of a sweep that does not exist yet, what
// Sweep::check_names refuses.
void check_cells(const Sweep& sweep, const Cells& cells, const CellsToCome& how);

struct Labour {
  int64_t parallel = 1;  // processes at a time; 0: one per core
  int64_t together = 1;  // cells per process, a thread each
  bool quiet = false;
};

// Trains or resumes those that are not done, in child processes, phase by phase, and shows how far they are on stderr
// and in the sweep's log.txt. One that fails harms no other, but no later phase begins. Returns the first failure's code,
// which has been said then, or 75 after a stop signal, or 0.
int train_missing(const Sweep& sweep, const Cells& cells, const Labour& labour);

// Error `code`, unless it is 0: what to do when train_missing returned it.
void require_trained(const Sweep& sweep, int code);

// crc_train sweep --cell: these cells of a sweep at once, in this process, a thread and a Context for each. One that
// fails does not stop the others and says so on stderr. Returns the first failure's code, else 75 if any was
// interrupted, else 0.
int train_cells(const Sweep& sweep, const std::vector<std::string>& names, bool quiet);

}  // namespace crc::apps
