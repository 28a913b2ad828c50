#include "apps/balanced_query.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/core/error.h"
#include "kernels/core/random.h"

namespace crc::apps {
namespace {

using Int = int64_t;
using ClassPools = std::vector<std::vector<Int>>;  // [C], item ids ascending

ClassPools class_pools(const select::Problem& problem, std::span<const int32_t> labels, Int each) {
  ClassPools pools(static_cast<size_t>(problem.classes));
  for (Int item : problem.unlabeled)
    if (labels[size_t(item)] >= 0) pools[size_t(labels[size_t(item)])].push_back(item);
  for (size_t c = 0; c < pools.size(); ++c) {
    std::ranges::sort(pools[c]);
    if (Int(pools[c].size()) < each)
      fail(ExitCode::config, fmt::format("a balanced query takes {} items of each class, but class {} has {} left in "
                                         "the pool; query less, or use acquisition.protocol = \"realistic\"",
                                         each, c, pools[c].size()));
  }
  return pools;
}

// Group k: the items k*R..k*R+R-1 of every class's shuffled pool; independent groups shuffle anew for each.
std::vector<Int> balanced_groups(const ClassPools& pools, const select::Config& config, Int each) {
  const bool partition = config.search != "independent";
  Int groups = INT64_MAX;
  for (const auto& pool : pools) groups = std::min(groups, Int(pool.size()) / each);
  if (config.candidates > 0) groups = partition ? std::min(groups, config.candidates) : config.candidates;
  const uint32_t seed = partition ? config.seed : config.seed ^ 0x5bd1e995u;  // its own shuffles
  std::vector<Int> members;
  for (Int k = 0; k < groups; ++k)
    for (size_t c = 0; c < pools.size(); ++c) {
      const uint32_t n = uint32_t(pools[c].size());
      const Int shuffle = (partition ? config.round : config.round * groups + k) * Int(pools.size()) + Int(c);
      for (Int r = 0; r < each; ++r) {
        const Int place = partition ? k * each + r : r;
        members.push_back(pools[c][permute(seed, Purpose::group_shuffle, uint32_t(shuffle), n, uint32_t(place))]);
      }
    }
  return members;
}

void check_divides(Int budget, Int classes) {
  if (budget < 1 || budget % classes != 0)
    fail(ExitCode::config, fmt::format("a balanced query of {} cannot hold equally many of {} classes; set "
                                       "acquisition.budget to a multiple of {}",
                                       budget, classes, classes));
}

}  // namespace

void check_balanced(const Config& config, Int classes) {
  if (config.get<std::string>("acquisition.protocol") != "pseudo_al") return;
  const Int budget = config.get<Int>("acquisition.budget"), group = config.get<Int>("acquisition.group_size");
  check_divides(budget, classes);
  if (!select::scores_groups(config.get<std::string>("acquisition.name"))) return;
  const std::string search = config.get<std::string>("acquisition.search");
  if (search == "greedy" || search == "exchange")
    fail(ExitCode::config,
         fmt::format("acquisition.search = \"{}\" builds a query item by item, and \"pseudo_al\" needs "
                     "whole queries of equally many of each class; use partition or independent",
                     search));
  if (group != budget && config.origin("acquisition.group_size") != "default")
    fail(ExitCode::config,
         fmt::format("acquisition.group_size = {} with acquisition.protocol = \"pseudo_al\": a group is a whole query "
                     "there; set it to acquisition.budget ({}), or leave it out",
                     group, budget));
}

select::Selection select_balanced(Context& context, const select::Problem& problem, const select::Config& config,
                                  std::span<const int32_t> labels) {
  check_divides(config.budget, problem.classes);
  const Int each = config.budget / problem.classes;
  const ClassPools pools = class_pools(problem, labels, each);
  if (select::scores_groups(config.name)) {
    select::Config grouped = config;
    grouped.group_size = config.budget;
    grouped.search = "given";
    grouped.given = balanced_groups(pools, config, each);
    grouped.candidates = 0;
    select::Selection selection = select::select(context, problem, grouped);
    if (config.search == "greedy" || config.search == "exchange")
      selection.warnings.push_back(
          fmt::format("pseudo_al scores whole queries: search \"{}\" is not used", config.search));
    return selection;
  }
  select::Selection all;
  select::Config per_class = config;
  per_class.budget = per_class.group_size = each;
  for (const std::vector<Int>& pool : pools) {
    select::Problem of_class = problem;
    of_class.unlabeled = pool;
    select::Selection part = select::select(context, of_class, per_class);
    all.picks.insert(all.picks.end(), part.picks.begin(), part.picks.end());
    all.groups.insert(all.groups.end(), part.groups.begin(), part.groups.end());
    all.candidates.insert(all.candidates.end(), part.candidates.begin(), part.candidates.end());
    all.scores.insert(all.scores.end(), part.scores.begin(), part.scores.end());
    all.warnings.insert(all.warnings.end(), part.warnings.begin(), part.warnings.end());
    all.group_size = part.group_size;
  }
  all.summary = fmt::format("{}: {} from each of {} class pools", config.name, each, pools.size());
  return all;
}

}  // namespace crc::apps
