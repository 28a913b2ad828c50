// The frame of acquisitions that score groups. Searches (Config::search):
//   partition    Algorithm 1 of the paper: the pool cut into floor(|U|/G) groups; the Q/G best disjoint ones
//   independent  any number of groups, each drawn from the whole pool; the Q/G best disjoint ones
//   given        the caller's groups; the Q/G best disjoint ones
//   greedy       Q times the single item that leaves the highest score: what the paper calls too expensive (E-optimal
//                design by forward selection)
//   exchange     greedy, then items are exchanged one by one while the score of the batch rises (Fedorov 1972)
#pragma once

#include <functional>
#include <optional>

#include "crc/acquisition.h"
#include "crc/score.h"
#include "crc/search.h"

namespace crc::select {

// Error config: G does not divide Q, or is not 1 for a search that adds single items; fewer candidates than groups to
// pick; an unknown search.
void check_groups(const Config& config);

// Whether the search builds its batch item by item: greedy, exchange.
bool adds_single_items(const Config& config);

// Scores of candidates over a labelled set; searches that build a batch ask for others than problem.labeled.
using MakeScorer = std::function<Scorer(std::span<const int64_t> labeled)>;

// The selection lacks what only the kernel knows: rank, constant features, achieved score, summary.
Selection select_groups(Context& context, const Problem& problem, const Config& config, const Copies& copies,
                        const MakeScorer& make);

// "crc: 2 of 9 groups of 5 (partition, capacitance); |L|+G = 12, rank 5 of 9; scores 1 to 2; ..."
std::string summarize_groups(const Selection& s, const Problem& problem, const Config& config, const std::string& how,
                             int64_t largest_rank);

}  // namespace crc::select
