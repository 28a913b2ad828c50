// A sweep as a Slurm job: one array per phase, each waiting for the one before.
#pragma once

#include <string>

#include "apps/sweep/sweep.h"

namespace crc::apps {

// A script for `bash FILE`: it submits itself. A task that was preempted (exit code 75, after a good checkpoint) is
// queued again. `program` is this program's path; a task trains
// `together` cells in one process.
std::string slurm_script(const Sweep& sweep, const std::string& program, int64_t together = 1);

}  // namespace crc::apps
