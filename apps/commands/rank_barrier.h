// The rank-barrier experiment for people: a plot and a table (docs/scoring.md).
#pragma once

#include <string>

#include "apps/draw/chart.h"
#include "crc/rank_barrier.h"

namespace crc::apps {

LineChart barrier_chart(const select::Barrier& barrier);
std::string barrier_table(const select::Barrier& barrier);  // every line ends in a newline

}  // namespace crc::apps
