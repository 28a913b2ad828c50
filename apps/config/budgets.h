// How many labels a run has after each query: acquisition.budgets, or acquisition.budget again and again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/config/config.h"

namespace crc::apps {

// "20 50 100": the label counts after each query. Error config: not whole numbers from 1 on, each above the one before.
std::vector<int64_t> parse_budgets(const std::string& text);

// Labels of a run whose round 0 has `first` of them, after so many of its queries.
int64_t labels_after(const Config& config, int64_t first, int64_t queries);

}  // namespace crc::apps
