// What run, resume and the cells of a sweep have in common: a run in its directory, to its end. In a process that
// trains several runs, a thread each, a name begins the run's lines on stderr, and `gpu` is the number of the GPU that
// run.device = "auto" and "cuda" mean. Returns the exit code.
#pragma once

#include <string>
#include <vector>

#include "apps/base/files.h"
#include "apps/config/config.h"

namespace crc::apps {

struct RunOptions {
  std::string config;                 // a TOML file, or the name of a built-in recipe; empty: the defaults
  std::vector<std::string> settings;  // --set key=value
  std::string out;                    // run directory; empty: runs/<recipe>-s<seed>
  bool dry_run = false;
  bool memory = false;  // with dry_run: every array of a training step
  bool time = false;    // with dry_run: how long training takes here
  bool quiet = false;
};
fs::path run_directory(const RunOptions& options, const Config& config);  // --out, or its default
int train_new(const RunOptions& options, const std::vector<std::string>& arguments, const std::string& name = {},
              int gpu = 0);

// `settings` move a run: those keys that do not decide its result (resume_config).
int train_on(const std::string& directory, const std::vector<std::string>& settings, bool quiet,
             const std::string& name = {}, int gpu = 0);

// Most recipes of a table or figure are what its runs have in common, and none of them: says so. Errors of parse_sweep.
std::string sweep_note(const std::string& recipe);

}  // namespace crc::apps
