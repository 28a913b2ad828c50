// Every file of a run compared with what the run recorded about it (apps/rundir/run_files.h). Reads; changes nothing; a
// run that goes on meanwhile is not called damaged.
#pragma once

#include <string>
#include <vector>

#include "apps/base/files.h"

namespace crc::apps {

enum class Condition { ok, damaged, missing, not_covered };
std::string to_string(Condition condition);

struct FileCheck {
  std::string name;  // below the run
  Condition condition = Condition::ok;
  std::string note;  // what is wrong, and what to do
};

bool looks_like_run(const fs::path& directory);  // even one that lost its run.json

// The directory, if it is a run's; else the runs that lie in it: those of a demo, the cells of a sweep. Without any,
// the directory itself.
std::vector<fs::path> runs_in(const fs::path& directory);

std::vector<FileCheck> verify_run(const fs::path& run);

}  // namespace crc::apps
