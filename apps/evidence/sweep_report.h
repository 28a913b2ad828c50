// What a sweep has found so far: table.md, table.csv, pairs.csv, figures/*.png and report.html in its directory.
#pragma once

#include "apps/sweep/sweep.h"

namespace crc::apps {

// Writes them into `out` and returns the tables as Markdown, but for those of all pairs. Works on an unfinished sweep.
// Error 73: without `replace`, one of them exists. `reload_s`: html_page's.
std::string write_sweep_report(const Sweep& sweep, const fs::path& out, bool replace = true, int reload_s = 0);

}  // namespace crc::apps
