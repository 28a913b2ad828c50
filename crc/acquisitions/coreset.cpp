// Coreset (Sener & Savarese 2018), greedy k-center on the features: pick the item farthest from its nearest centre,
// make it a centre, again. The labelled items are the first centres; without any, the pool's mean is. With weights the
// item of the largest w_i min_c |x_i - c|^2 is picked.
#include <fmt/format.h>

#include <cmath>

#include "crc/pool_rows.h"
#include "crc/quotas.h"
#include "kernels/ops/min_distance.h"

namespace crc::select {
namespace {

Tensor mean_of(Context& context, const PoolRows& pool) {
  std::vector<double> total(size_t(pool.rows().shape[1]));
  for (int64_t place = 0; place < pool.count(); ++place)
    for (size_t d = 0; d < total.size(); ++d) total[d] += pool.host(place)[d];
  std::vector<float> mean;
  for (double t : total) mean.push_back(float(t / double(pool.count())));
  return Tensor::from_host(context, {1, int64_t(mean.size())}, mean.data(), "mean");
}

}  // namespace

Selection select_coreset(Context& context, const Problem& problem, const Config& config) {
  const PoolRows pool(context, problem, config, Scaling::none);
  std::vector<double> distances(size_t(pool.count()), INFINITY);
  const Tensor nearest = Tensor::from_host(context, {pool.count()}, distances.data(), "squared distances"),
               first = pool.labeled.empty() ? mean_of(context, pool) : pool.gather(context, pool.labeled);
  min_distance(context, nearest.view<double, 1>(), pool.rows(), first.view<const float, 2>());
  const std::vector<double> weights = weights_of(problem, problem.unlabeled);
  const auto values = [&] {
    distances = nearest.to_host<double>(context);
    std::vector<double> weighted;
    for (size_t k = 0; k < weights.size(); ++k)
      weighted.push_back(weights[k] * pool.square(distances[pool.unlabeled[k]]));
    return weighted;
  };
  std::vector<double> value = values();
  Picks picks(problem, config, value);
  const Ties ties(config.seed, config.round);
  std::vector<bool> picked(value.size(), false);
  Quotas quotas(config);
  double before = 0, last = 0;
  while (true) {
    const int64_t best = ties.largest(value, picked, problem.unlabeled), place = pool.unlabeled[best];
    last = distances[place];
    if (before == 0) before = last;
    picked[best] = true;
    quotas.take(problem.unlabeled[best], problem.unlabeled, picked);
    picks.add(problem.unlabeled[best], value[best], false);
    if (picks.complete()) break;
    min_distance(context, nearest.view<double, 1>(), pool.rows(), pool.rows().slice(place, place + 1));
    value = values();
  }
  Selection selection = picks.finish(
      fmt::format("coreset: {} of {} items; radius {:.6g} at first, {:.6g} at the last pick", config.budget,
                  value.size(), std::sqrt(pool.square(before)), std::sqrt(pool.square(last))));
  warn_of_ties(selection, config);
  return selection;
}

}  // namespace crc::select
