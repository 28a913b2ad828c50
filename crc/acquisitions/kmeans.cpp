// k-means (as Xu et al. 2003 for active learning): Q clusters of the unlabelled items (crc/k_means.h), and of each the
// item nearest to its centre, argmin_{i in c} |x_i - mean_c|^2; the largest cluster first. Features as they are. The
// labelled set plays no part, but that copies of its items and of picks come last. Where fewer than Q items differ, the
// rest is drawn.
#include <fmt/format.h>

#include <algorithm>

#include "crc/estimate.h"
#include "crc/picker.h"

namespace crc::select {

Selection select_kmeans(Context& context, const Problem& problem, const Config& config) {
  const PoolBlocks rows(context, problem, config, {.whose = Whose::unlabeled});
  say_estimate(context, rows, config, {},
               {double(config.budget) * double(problem.unlabeled.size()), "pairs for each of at most 100 rounds", 1});
  const Clusters clusters = k_means(context, rows, config.budget, config, "for the picks");
  const PoolIndex& pool = rows.index();
  std::vector<double> scores;
  double inertia = 0;
  for (double d : clusters.distances) scores.push_back(-d), inertia += d;
  Picker picker(pool, problem, config, scores);
  picker.take_centers(pool.unlabeled, clusters);
  const std::vector<double> none(scores.size(), 0.0);  // fewer clusters than picks: of all that is left
  while (!picker.complete()) {
    const int64_t place = picker.best(pool.unlabeled, none);
    picker.take(place, scores[size_t(std::ranges::lower_bound(pool.unlabeled, place) - pool.unlabeled.begin())], true);
  }
  std::vector<size_t> sizes;
  for (const auto& list : clusters.members()) sizes.push_back(list.size());
  const auto [least, most] = std::ranges::minmax(sizes);
  return picker.finish(
      fmt::format("kmeans: {} of {} items, {} clusters of {} to {} items; mean squared distance {:.6g}", config.budget,
                  scores.size(), clusters.count, least, most, inertia / double(scores.size())));
}

}  // namespace crc::select
