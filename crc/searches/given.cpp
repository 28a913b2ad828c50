// The groups of Config::given.
#include <fmt/format.h>

#include <algorithm>

#include "crc/searches/drawn.h"

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

}  // namespace

Selection search_given(const SearchInput& in) {
  return select_drawn(in, [&](std::span<const int64_t>, int64_t drawn, int64_t chosen) -> Candidates {
    if (drawn > 0)
      fail(ExitCode::config,
           fmt::format("only {} of the {} groups that the budget {} needs are disjoint among the {} given; "
                       "give more",
                       chosen, in.config.budget / in.config.group_size, in.config.budget, drawn));
    return {given_groups(in.problem, in.config), in.problem.unlabeled};
  });
}

}  // namespace crc::select
