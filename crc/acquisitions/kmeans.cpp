// k-means (as Xu et al. 2003 for active learning): Q clusters of the unlabelled items (crc/k_means.h), and of each the
// item nearest to its centre, argmin_{i in c} |x_i - mean_c|^2; the largest cluster first. Features as they are. The
// labelled set plays no part, but that copies of its items and of picks come last. Where fewer than Q items differ, the
// rest is drawn.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "crc/estimate.h"
#include "crc/k_means.h"
#include "crc/pool_rows.h"

namespace crc::select {

Selection select_kmeans(Context& context, const Problem& problem, const Config& config) {
  const PoolRows pool(context, problem, config, Scaling::none);
  const Tensor rows = pool.gather(context, pool.unlabeled);
  say_estimate(context, pool, config, {},
               {double(config.budget) * double(pool.unlabeled.size()), "pairs for each of at most 100 rounds", 1});
  const Clusters clusters =
      k_means(context, rows.view<const float, 2>(), config.budget, config.seed, config.round, config.progress);
  std::vector<double> scores;
  double inertia = 0;
  for (double d : clusters.distances) scores.push_back(-d), inertia += d;
  std::vector<std::vector<int64_t>> members = clusters.members();
  std::ranges::stable_sort(members, std::greater<>(), [](const auto& list) { return list.size(); });

  const Ties ties(config.seed, config.round);
  Known known(pool, problem.labeled);
  std::vector<bool> taken(pool.items.size());
  Picks picks(problem, config, scores);
  std::vector<int64_t> every(scores.size());
  std::iota(every.begin(), every.end(), 0);
  members.resize(size_t(config.budget), every);  // fewer clusters than picks: of all that is left
  for (size_t c = 0; c < members.size(); ++c) {
    const bool drawn = int64_t(c) >= clusters.count;
    std::vector<int64_t> places;
    std::vector<double> values;
    for (int64_t k : members[c]) places.push_back(pool.unlabeled[k]), values.push_back(drawn ? 0 : scores[k]);
    const int64_t best = best_place(pool, places, values, taken, known, ties);
    taken[best] = true;
    known.add(pool.items[best]);
    picks.add(pool.items[best], scores[std::ranges::lower_bound(pool.unlabeled, best) - pool.unlabeled.begin()], drawn);
  }
  return picks.finish(fmt::format("kmeans: {} of {} items, {} clusters of {} to {} items; mean squared distance {:.6g}",
                                  config.budget, scores.size(), clusters.count, members[clusters.count - 1].size(),
                                  members[0].size(), inertia / double(scores.size())));
}

}  // namespace crc::select
