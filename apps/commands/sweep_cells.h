// crc_train sweep --cell: cells of a sweep in this process, a thread and a Context for each.
#pragma once

#include <string>
#include <vector>

#include "apps/sweep/sweep.h"

namespace crc::apps {

// These cells of a sweep at once, in this process. One that fails does not stop the others and says so on stderr.
// Returns the first failure's code, else 75 if any was interrupted, else 0.
int train_cells(const Sweep& sweep, const std::vector<std::string>& names, bool quiet);

}  // namespace crc::apps
