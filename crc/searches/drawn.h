// What searches over groups have in common: they draw candidates, score them, and take the best that share no item.
#pragma once

#include <functional>
#include <span>

#include "crc/batch_mode.h"
#include "crc/candidates.h"

namespace crc::select {

// The first candidates, or further ones out of the items that are `left`, after `drawn` that left `chosen` groups.
using Draw = std::function<Candidates(std::span<const int64_t> left, int64_t drawn, int64_t chosen)>;

// Draws until there are Q/G disjoint groups.
Selection select_drawn(const SearchInput& in, const Draw& draw);

}  // namespace crc::select
