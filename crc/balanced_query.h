// The pseudo-active protocol (paper 4.3.1): every query holds equally many items of each class. It reads the labels of
// the pool, so it measures acquisitions with the class imbalance taken out; it is no protocol for real labelling.
#pragma once

#include <vector>

#include "crc/acquisition.h"

namespace crc::select {

// What select_balanced refuses by sizes: `left` [C] items of each class are in the pool and have a known label.
// Errors: config, and those of check_request.
void check_balanced(const Config& config, std::span<const int64_t> left, const Request& request);

// `labels` [N], -1 where unknown: those items are never picked. R = config.budget / problem.classes items per class:
// acquisitions that score groups (crc, crc_full, ...) get one group of R items of each class per candidate, G = Q,
// drawn from the shuffled class pools (search "partition") or independently; all others pick R from each class's own
// pool. Errors: config, when the classes do not divide the budget or a class has fewer than R items left.
Selection select_balanced(Context& context, const Problem& problem, const Config& config,
                          std::span<const int32_t> labels);

}  // namespace crc::select
