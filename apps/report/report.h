// report.html: one file, offline, light or dark as the reader's system is, below 2 MB. Everything that comes from a
// file is escaped. The same runs give the same bytes.
#pragma once

#include <string>
#include <vector>

#include "apps/rundir/run_record.h"

namespace crc::apps {

constexpr size_t kMaxReport = 2'000'000;

std::string report_html(const std::vector<RunRecord>& runs);  // at least one run

// Whether the reports of `out` are of this program's making and may be made again: it is `of`, the directory of the one
// run or sweep that is reported, or holds nothing but an earlier report.
bool may_report_again(const fs::path& out, const fs::path& of);

}  // namespace crc::apps
