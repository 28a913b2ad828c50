// A study as a page: what crc_train compare prints and writes, and docs/results/.
#pragma once

#include <string>

#include "apps/evidence/study.h"

namespace crc::apps {

// What path holds: a sweep's directory, results/*.jsonl, a run's directory or a folder of runs. `measure`: of runs,
// and, if it is given, of all. Errors of Sweep::open, load_run, read_study.
Study load_study(const fs::path& path, std::optional<Measure> measure);

std::string study_markdown(const Study& study);
std::string study_html(const Study& study);

}  // namespace crc::apps
