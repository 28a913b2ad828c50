// A run in its directory, from one stop to the next: what `run`, `resume`, the cells of a sweep and a host program do.
// Nothing here writes to a terminal but through ProgressOptions, whose log and interval are the run's.
#pragma once

#include <string>
#include <vector>

#include "apps/base/files.h"
#include "apps/base/progress.h"
#include "apps/config/config.h"
#include "kernels/core/error.h"
#include "kernels/core/ranks.h"

namespace crc::apps {

struct NewRun {
  Config config;
  fs::path directory;
  std::vector<std::string> arguments;  // for run.json: what began it
  int gpu = 0;                         // the one that run.device = "auto" and "cuda" mean
  fs::path data = {};  // a folder that becomes <directory>/data, which config's data.dir names; empty: none
};

// Error usage: the directory lies among the images of its own data set.
void check_outside_images(const Config& config, const fs::path& directory);

// Everything that can be known is checked, then the directory exists, and nothing in it has begun: resume_run() begins.
void create_run(const NewRun& run);

// The same and resume_run(); when it fails before anything has begun, the directory goes again. `ranks`, here and below:
// the processes that share the training (apps/session/crew.h), whom this one leads; null: it is alone.
ExitCode start_run(const NewRun& run, const ProgressOptions& progress, Ranks* ranks = nullptr);

// To the run's end (ok), to a stop after a checkpoint (preempted), or until it waits (Error waiting_for_labels).
// `settings` move it (resume_config). Not for a run that is done.
ExitCode resume_run(const fs::path& directory, const std::vector<std::string>& settings,
                    const ProgressOptions& progress, int gpu = 0, Ranks* ranks = nullptr);

// The same of a run that may be done, which it then says.
ExitCode continue_run(const fs::path& directory, const std::vector<std::string>& settings,
                      const ProgressOptions& progress, int gpu = 0, Ranks* ranks = nullptr);

// Whether the run is done; then `settings` are checked as if it went on, and its report is written where there is none.
bool is_done(const fs::path& directory, const std::vector<std::string>& settings);

}  // namespace crc::apps
