// A sweep as jobs of a cluster's scheduler (Slurm, PBS, LSF): one file of bash that submits itself, an array of tasks
// for each phase, each phase after the one before. What the schedulers do differently is a Scheduler each, in a file of
// its own; the rest is the same text (docs/cluster.md).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "apps/sweep/sweep.h"

namespace crc::apps {

struct Scheduler {
  const char* option;      // of crc_train sweep, without the dashes
  const char* name;        // as people write it
  const char* submits;     // its command, to which the file passes the options that it is given
  const char* directives;  // what a task asks for: comments that the command reads, a line each
  // Bash that defines:
  //   task             this task's place in its array, from 0; empty or 0 while the file submits
  //   cores            how many CPUs a task has; empty: unknown
  //   submit N ...     N tasks of $CRC_PHASE after the jobs in the array `after`, with these options; prints the job's id
  //   train ...        runs this command, so that whoever stops the job stops it, and ends with its exit code
  //   again            queues this task again, which ended with 75, unless the scheduler itself does or it was cancelled
  const char* functions;
};
std::span<const Scheduler* const> schedulers();  // schedulers.def

// The text of the file: these cells, `together` of them in one process, trained by the program at that path, in the
// folder `here`, where relative names in the cells' configurations begin.
struct JobFile {
  std::vector<const SweepCell*> cells;
  std::string program;
  fs::path here;
  int64_t together = 1;
};
std::string job_file(const Scheduler& scheduler, const Sweep& sweep, const JobFile& what);

}  // namespace crc::apps
