#include "crc/batch_mode.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace crc::select {

#define CRC_SEARCH(name, traits, description) Selection search_##name(const SearchInput&);
#include "crc/searches.def"
#undef CRC_SEARCH

namespace {

constexpr int64_t kMostCandidates = int64_t(1) << 40;

constexpr SearchEntry kSearches[] = {
#define CRC_SEARCH(name, traits, description) {description, unsigned(SearchTrait::traits), search_##name},
#include "crc/searches.def"
#undef CRC_SEARCH
};

}  // namespace

const SearchEntry& search_entry(Search search) { return kSearches[size_t(search)]; }

void check_groups(const Config& config) {
  const int64_t q = config.budget, g = config.group_size;
  if (g < 1 || q % g != 0)
    fail(ExitCode::config, fmt::format("group size {} does not divide the budget {}; choose a divisor, e.g. {}", g, q,
                                       g < 1 ? 1 : std::gcd(g, q)));
  const int64_t drawn = drawn_candidates(config);
  if (drawn != 0 && drawn < q / g)
    fail(ExitCode::config,
         fmt::format("candidates {} are fewer than the {} groups to pick; draw at least as many", drawn, q / g));
  if (drawn > kMostCandidates)
    fail(ExitCode::config, fmt::format("candidates {} are more than {}, whose scores would fill 8 TB; draw fewer",
                                       drawn, kMostCandidates));
  if (search_entry(config.search).has(SearchTrait::single_items) && g != 1)
    fail(ExitCode::config,
         fmt::format("search \"{}\" adds single items; set the group size to 1, not {}", word_of(config.search), g));
}

void check_candidates(const Config& config, int64_t memory) {
  const int64_t drawn = drawn_candidates(config);
  if (memory <= 0 || drawn <= memory / kBytesPerCandidate) return;
  fail(ExitCode::out_of_memory,
       fmt::format("candidates {}: their scores take {:.4g} GB, and this machine has {:.4g} GB; draw at most {}", drawn,
                   double(drawn) * kBytesPerCandidate / 1e9, double(memory) / 1e9, memory / kBytesPerCandidate));
}

Selection select_groups(Context& context, const Problem& problem, const Config& config, const Copies& copies,
                        const MakeScorer& make) {
  Selection selection = search_entry(config.search).run({context, problem, config, copies, make});
  selection.below_noise = std::ranges::count(selection.scores, 0.0);
  for (int64_t item : problem.unlabeled) selection.duplicates += copies.duplicate(item);
  return selection;
}

std::string summarize_groups(const Selection& s, const Problem& problem, const Config& config, const std::string& how,
                             int64_t largest_rank) {
  const int64_t n = int64_t(problem.labeled.size()) + s.group_size;
  const auto [low, high] = std::ranges::minmax(s.scores);
  std::string text = fmt::format(
      "{}: {} of {} groups of {} ({}, {}); |L|+G = {}, rank {} of {}; scores {:.6g} to {:.6g}", config.name,
      s.groups.size(), s.scores.size(), s.group_size, word_of(config.search), how, n, s.rank, largest_rank, low, high);
  const int64_t span = std::min(int64_t(problem.labeled.size()), s.rank);
  if (s.labeled_rank < span) text += fmt::format("; L spans {} of {} dimensions", s.labeled_rank, span);
  if (s.constant_features > 0) text += fmt::format("; {} features are constant on the pool", s.constant_features);
  if (s.below_noise > 0) text += fmt::format("; {} scores are below rounding and count as 0", s.below_noise);
  if (s.copies > 0) text += fmt::format("; {} groups hold copies and come last", s.copies);
  return text;
}

}  // namespace crc::select
