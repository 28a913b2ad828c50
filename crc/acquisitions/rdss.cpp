// RDSS (Shao et al. 2024): representative and diverse samples, kernel herding without replacement that lowers
//   alpha-MMD^2(S) = 1/m^2 sum_{s,t in S} k(s, t) - 2 alpha/(m M) sum_{s in S} sum_j k(s, x_j) + const,
// of the labelled and picked items S against the pool of M items, item by item: with p items in S the next is
//   argmin_x sum_{s in S} k(x, s) - alpha (p + 1)/M sum_j k(x, x_j),
// k(x, y) = exp(-|x - y|^2 / h^2), h^2 = 2 (a Gaussian of standard deviation 1) or config.radius, alpha = 1 - 1/sqrt(m)
// with m = |L| + Q items in the end; features of unit length. Copies of labelled and picked items come last. The step
// follows from the criterion; it and the defaults of h and alpha are not checked against the paper's own listing.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "crc/checkpoint.h"
#include "crc/estimate.h"
#include "crc/pool_pairs.h"
#include "crc/quotas.h"

namespace crc::select {
Selection select_rdss(Context& context, const Problem& problem, const Config& config) {
  const PoolBlocks rows(context, problem, config, {.scaling = Scaling::unit, .chunks = true});
  const PoolIndex& pool = rows.index();
  const int64_t count = pool.count();
  const Pairing kernel{Measure::rbf, config.radius > 0 ? config.radius : std::sqrt(2.0)};
  const PoolPairs pairs(context, rows, kernel);
  const std::vector<double> ones(size_t(count), 1.0), none(size_t(count), 0.0);
  const auto sums = [&](std::span<const int64_t> places) {
    return pairs.gains_over(places, std::span(none).first(places.size()), std::span(ones).first(places.size()));
  };
  say_estimate(context, rows, config, kernel,
               {square_pairs(rows) + double(count) * double(config.budget), "pairs for sums over the pool"});
  std::vector<double> mean = pairs.square_gains(pairs.own(none), pairs.own(ones), config), near = none;
  for (double& v : mean) v /= double(count);
  if (!pool.labeled.empty()) near = sums(pool.labeled);

  int64_t p = int64_t(pool.labeled.size());
  const double alpha = 1 - 1 / std::sqrt(double(p + config.budget));
  const auto value = [&](int64_t place) { return alpha * double(p + 1) * mean[place] - near[place]; };
  std::vector<double> values;
  for (int64_t place : pool.unlabeled) values.push_back(value(place));
  Picks picks(problem, config, values);
  const Ties ties(config.seed, config.round);
  Known known(pool, problem.labeled);
  std::vector<bool> taken(pool.items.size());
  Quotas quotas(config);
  Steps<2> steps(config, "picks", config.budget);
  std::vector<int64_t> met;  // picks that are not in `near` yet
  for (; !picks.complete(); ++p) {
    const auto [place, score] = steps.next([&]() -> Steps<2>::Step {
      if (!met.empty()) near = pairs.add_each(std::move(near), std::exchange(met, {}));
      for (size_t k = 0; k < values.size(); ++k) values[k] = value(pool.unlabeled[k]);
      const int64_t best = best_place(pool, pool.unlabeled, values, taken, known, ties);
      return {double(best), value(best)};
    });
    const auto best = int64_t(place);
    taken[best] = true;
    quotas.take(pool.items[best], pool.items, taken);
    picks.add(pool.items[best], score, known.contains(pool.items[best]));
    known.add(pool.items[best]);
    met.push_back(best);
  }
  const double kernel_mean = std::accumulate(mean.begin(), mean.end(), 0.0) / double(count);
  return picks.finish(fmt::format("rdss: {} of {} items; alpha {:.4g}, mean kernel {:.6g}", config.budget,
                                  pool.unlabeled.size(), alpha, kernel_mean));
}

}  // namespace crc::select
