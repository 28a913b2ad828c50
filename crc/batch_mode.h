// The frame of group acquisitions (Algorithm 1 of the paper): draw candidate groups, score them, take the Q/G best that
// are disjoint, and draw again from what is left until the budget is spent.
#pragma once

#include <functional>

#include "crc/acquisition.h"
#include "crc/search.h"

namespace crc::select {

// Error config: G does not divide Q; fewer candidates than groups to pick; an unknown search.
void check_groups(const Config& config);

// `score` gives the score of every group. The selection lacks what only the kernel knows: rank, constant features,
// summary.
Selection select_groups(const Problem& problem, const Config& config, const Copies& copies,
                        const std::function<std::vector<double>(const Groups&)>& score);

// "crc: 2 of 9 groups of 5 (partition, syevd); |L|+G = 12, rank 5 of 9; scores 1 to 2; ..."
std::string summarize_groups(const Selection& s, const Problem& problem, const Config& config, const std::string& how,
                             int64_t largest_rank);

}  // namespace crc::select
