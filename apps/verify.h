// Every file of a run compared with what the run recorded about it (apps/run_files.h). Reads; changes nothing; a run
// that goes on meanwhile is not called damaged.
#pragma once

#include <string>
#include <vector>

#include "apps/files.h"

namespace crc::apps {

enum class Condition { ok, damaged, missing, not_covered };
std::string to_string(Condition condition);

struct FileCheck {
  std::string name;  // below the run
  Condition condition = Condition::ok;
  std::string note;  // what is wrong, and what to do
};

bool looks_like_run(const fs::path& directory);  // even one that lost its run.json
std::vector<FileCheck> verify_run(const fs::path& run);

}  // namespace crc::apps
