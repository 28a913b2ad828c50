#include "crc/batch_mode.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace crc::select {
namespace {

Groups given_groups(const Problem& problem, const Config& config) {
  Groups groups{config.group_size, config.given};
  if (groups.members.empty() || groups.members.size() % size_t(groups.size) != 0)
    fail(ExitCode::config, fmt::format("search \"given\": {} item ids are not a positive number of groups of {}",
                                       groups.members.size(), groups.size));
  for (int64_t k = 0; k < groups.count(); ++k) {
    const auto begin = groups.members.begin() + k * groups.size, end = begin + groups.size;
    std::sort(begin, end);
    if (std::adjacent_find(begin, end) != end)
      fail(ExitCode::config, fmt::format("candidate group {} holds item {} twice", k, *std::adjacent_find(begin, end)));
    for (int64_t item : groups[k])
      if (!std::ranges::binary_search(problem.unlabeled, item))
        fail(ExitCode::config, fmt::format("candidate group {}: item {} is not in the unlabeled list", k, item));
  }
  return groups;
}

// The first candidates, or further ones from the items that are left.
Groups draw(const Problem& problem, const Config& config, std::span<const int64_t> left, int64_t drawn) {
  if (config.search == "given") return given_groups(problem, config);
  if (config.search == "partition") return partition(left, config.group_size, config.seed, config.round);
  const int64_t count = config.candidates > 0 ? config.candidates : int64_t(left.size()) / config.group_size;
  return independent(left, config.group_size, count, drawn, config.seed, config.round);
}

}  // namespace

void check_groups(const Config& config) {
  const int64_t q = config.budget, g = config.group_size;
  if (g < 1 || q % g != 0)
    fail(ExitCode::config, fmt::format("group size {} does not divide the budget {}; choose a divisor, e.g. {}", g, q,
                                       g < 1 ? 1 : std::gcd(g, q)));
  if (config.candidates != 0 && config.candidates < q / g)
    fail(ExitCode::config, fmt::format("candidates {} are fewer than the {} groups to pick; draw at least as many",
                                       config.candidates, q / g));
  if (config.search != "given" && config.search != "partition" && config.search != "independent")
    fail(ExitCode::config,
         fmt::format("search \"{}\" is not known; use one of partition, independent, given", config.search));
}

Selection select_groups(const Problem& problem, const Config& config, const Copies& copies,
                        const std::function<std::vector<double>(const Groups&)>& score) {
  check_groups(config);
  const int64_t wanted = config.budget / config.group_size;
  Groups candidates{config.group_size, {}};
  std::vector<double> scores;
  std::vector<int64_t> chosen, left(problem.unlabeled.begin(), problem.unlabeled.end());
  while (true) {
    const Groups drawn = draw(problem, config, left, candidates.count());
    for (double value : score(drawn)) scores.push_back(value);
    candidates.members.insert(candidates.members.end(), drawn.members.begin(), drawn.members.end());
    choose(chosen, wanted, candidates, scores, copies);
    if (int64_t(chosen.size()) == wanted) break;
    if (config.search == "given")
      fail(ExitCode::config,
           fmt::format("only {} of the {} groups that the budget {} needs are disjoint among the {} given; "
                       "give more",
                       chosen.size(), wanted, config.budget, candidates.count()));
    std::erase_if(left, [&](int64_t item) {
      return std::ranges::any_of(chosen, [&](int64_t k) { return std::ranges::binary_search(candidates[k], item); });
    });
  }

  Selection selection;
  for (int64_t k : chosen) {
    selection.groups.push_back({{candidates[k].begin(), candidates[k].end()}, scores[k]});
    selection.picks.insert(selection.picks.end(), candidates[k].begin(), candidates[k].end());
  }
  selection.group_size = config.group_size;
  selection.below_noise = std::ranges::count(scores, 0.0);
  for (int64_t k = 0; k < candidates.count(); ++k) selection.copies += copies.degenerate(candidates[k]);
  selection.candidates = std::move(candidates.members);
  selection.scores = std::move(scores);
  return selection;
}

std::string summarize_groups(const Selection& s, const Problem& problem, const Config& config, const std::string& how,
                             int64_t largest_rank) {
  const int64_t n = int64_t(problem.labeled.size()) + s.group_size;
  const auto [low, high] = std::ranges::minmax(s.scores);
  std::string text = fmt::format(
      "{}: {} of {} groups of {} ({}, {}); |L|+G = {}, rank {} of {}; scores {:.6g} to {:.6g}", config.name,
      s.groups.size(), s.scores.size(), s.group_size, config.search, how, n, s.rank, largest_rank, low, high);
  if (s.constant_features > 0) text += fmt::format("; {} features are constant on the pool", s.constant_features);
  if (s.below_noise > 0) text += fmt::format("; {} scores are below rounding and count as 0", s.below_noise);
  if (s.copies > 0) text += fmt::format("; {} groups hold copies and come last", s.copies);
  return text;
}

}  // namespace crc::select
