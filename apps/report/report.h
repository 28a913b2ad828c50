// report.html: one file, offline, light or dark as the reader's system is, below 5 MB. Everything that comes from a
// file is escaped. The same runs give the same bytes.
#pragma once

#include <string>
#include <vector>

#include "apps/rundir/run_record.h"

namespace crc::apps {

constexpr size_t kMaxReport = 5'000'000;

// At least one run. What people ask comes in their order: how good, how many labels, what was asked, what goes wrong,
// what it cost. `reload_s`: html_page's.
std::string report_html(const std::vector<RunRecord>& runs, int reload_s = 0);

std::string with_contents(const std::string& html);  // links to the sections before the first of them
std::string live_note(int reload_s);                 // what a page that comes again says of itself; empty for 0

// Whether the reports of `out` are of this program's making and may be made again: it is `of`, the directory of the one
// run or sweep that is reported, or holds nothing but an earlier report.
bool may_report_again(const fs::path& out, const fs::path& of);

}  // namespace crc::apps
