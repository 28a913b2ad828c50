// report.html: one file, offline, light or dark as the reader's system is, below 2 MB. Everything that comes from a
// file is escaped. The same runs give the same bytes.
#pragma once

#include <string>
#include <vector>

#include "apps/run_record.h"

namespace crc::apps {

constexpr size_t kMaxReport = 2'000'000;

std::string report_html(const std::vector<RunRecord>& runs);  // at least one run

}  // namespace crc::apps
