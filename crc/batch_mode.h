// The frame of acquisitions that score groups, and the list of searches (Config::search): crc/searches.def.
#pragma once

#include <functional>
#include <optional>

#include "crc/acquisition.h"
#include "crc/score.h"
#include "crc/search.h"

namespace crc::select {

// Scores of candidates over a labelled set; searches that build a batch ask for others than problem.labeled.
using MakeScorer = std::function<Scorer(std::span<const int64_t> labeled)>;

// What a search is given; lists ascending.
struct SearchInput {
  Context& context;
  const Problem& problem;
  const Config& config;
  const Copies& copies;
  const MakeScorer& make;
};

enum class SearchTrait : unsigned {
  nothing = 0,
  single_items = 1,  // it builds its batch item by item: G is 1
  draws = 2,         // as many groups as Config::candidates says
  listed = 4,        // its groups are Config::given: for callers, not for configurations
};

struct SearchEntry {
  const char* description;
  unsigned traits;
  bool has(SearchTrait trait) const { return traits & unsigned(trait); }
  Selection (*run)(const SearchInput&);
};
const SearchEntry& search_entry(Search search);

// How many candidates config.candidates asks for: 0 where it is not said, or the search does not draw them.
inline int64_t drawn_candidates(const Config& config) {
  return search_entry(config.search).has(SearchTrait::draws) ? config.candidates : 0;
}

// Of every candidate at the same time, at most: its score twice and its place.
inline constexpr int64_t kBytesPerCandidate = 24;

// Error config: G does not divide Q, or is not 1 for a search that adds single items; fewer candidates than groups to
// pick.
void check_groups(const Config& config);
// Error out_of_memory: the scores of the candidates of `config` do not fit into `memory` bytes (0: unknown).
void check_candidates(const Config& config, int64_t memory);

// The selection lacks what only the kernel knows: rank, constant features, achieved score, summary.
Selection select_groups(Context& context, const Problem& problem, const Config& config, const Copies& copies,
                        const MakeScorer& make);

// "crc: 2 of 9 groups of 5 (partition, capacitance); |L|+G = 12, rank 5 of 9; scores 1 to 2; ..."
std::string summarize_groups(const Selection& s, const Problem& problem, const Config& config, const std::string& how,
                             int64_t largest_rank);

}  // namespace crc::select
