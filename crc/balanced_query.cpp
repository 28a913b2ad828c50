#include "crc/balanced_query.h"

#include <fmt/format.h>

#include <algorithm>

#include "crc/batch_mode.h"
#include "kernels/core/error.h"
#include "kernels/core/random.h"

namespace crc::select {
namespace {

using Int = int64_t;
using ClassPools = std::vector<std::vector<Int>>;  // [C], item ids ascending

ClassPools class_pools(const Problem& problem, std::span<const int32_t> labels) {
  ClassPools pools(static_cast<size_t>(problem.classes));
  for (Int item : problem.unlabeled)
    if (labels[size_t(item)] >= 0) pools[size_t(labels[size_t(item)])].push_back(item);
  for (std::vector<Int>& pool : pools) std::ranges::sort(pool);
  return pools;
}

// R: so many of each class, of which `left` [C] are in the pool.
Int share_of_class(Int budget, std::span<const Int> left) {
  const Int classes = Int(left.size()), each = budget / classes;
  if (budget < 1 || budget % classes != 0)
    fail(ExitCode::config, fmt::format("a balanced query of {} cannot hold equally many of {} classes; set "
                                       "acquisition.budget to a multiple of {}",
                                       budget, classes, classes));
  for (size_t c = 0; c < left.size(); ++c)
    if (left[c] < each)
      fail(ExitCode::config, fmt::format("a balanced query takes {} items of each class, but class {} has {} left in "
                                         "the pool; query less, or use acquisition.protocol = \"realistic\"",
                                         each, c, left[c]));
  return each;
}

// What the acquisition is asked for: groups of the whole query, or its share of each class.
Config grouped(Config config) {
  config.group_size = config.budget;
  config.search = Search::given;
  config.candidates = 0;
  return config;
}
Config per_class(Config config, Int each) {
  config.budget = config.group_size = each;
  return config;
}

// Group k: the items k*R..k*R+R-1 of every class's shuffled pool; independent groups shuffle anew for each.
std::vector<Int> balanced_groups(const ClassPools& pools, const Config& config, Int each) {
  const bool partition = !search_entry(config.search).has(SearchTrait::draws);
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

}  // namespace

void check_balanced(const Config& config, std::span<const Int> left, const Request& request) {
  const Int each = share_of_class(config.budget, left);
  if (scores_groups(config.name)) return check_request(grouped(config), request);
  for (Int pool : left)
    check_request(per_class(config, each), {request.labeled, pool, request.jacobians, request.worth});
}

Selection select_balanced(Context& context, const Problem& problem, const Config& config,
                          std::span<const int32_t> labels) {
  const ClassPools pools = class_pools(problem, labels);
  std::vector<Int> left;
  for (const std::vector<Int>& pool : pools) left.push_back(Int(pool.size()));
  const Int each = share_of_class(config.budget, left);
  if (scores_groups(config.name)) {
    Config given = grouped(config);
    given.given = balanced_groups(pools, config, each);
    return select(context, problem, given);
  }
  Selection all;
  for (const std::vector<Int>& pool : pools) {
    Problem of_class = problem;
    of_class.unlabeled = pool;
    Selection part = select(context, of_class, per_class(config, each));
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

}  // namespace crc::select
