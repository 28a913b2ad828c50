#include "crc/cover_radius.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "crc/estimate.h"
#include "crc/k_means.h"
#include "kernels/ops/pairwise_tile.h"

namespace crc::select {
namespace {

constexpr double kPurity = 0.95;

// Squared distances to the nearest item of another cluster.
std::vector<double> squared_margins(Context& context, const PoolRows& pool, const Clusters& clusters,
                                    const Progress& progress) {
  std::vector<int64_t> order;  // cluster after cluster, so that the others are two slices
  const auto members = clusters.members();
  for (const auto& list : members) order.insert(order.end(), list.begin(), list.end());
  const Tensor sorted = pool.gather(context, order);
  const auto rows = sorted.view<const float, 2>();
  std::vector<double> margins;
  int64_t begin = 0;
  for (const auto& list : members) {
    report(progress, "clusters apart", begin, pool.count());
    const int64_t size = int64_t(list.size()), end = begin + size;
    const Tensor squared(context, {size, 1}, Dtype::f64, "margins"), place(context, {size, 1}, Dtype::i64, "places");
    std::vector<double> least(size_t(size), INFINITY);
    for (const auto& others : {rows.slice(0, begin), rows.slice(end, pool.count())}) {
      pairwise_least(context, squared.view<double, 2>(), place.view<int64_t, 2>(), rows.slice(begin, end), others,
                     Pairing{});
      const std::vector<double> found = squared.to_host<double>(context);
      for (int64_t i = 0; i < size; ++i) least[i] = std::min(least[i], found[i]);
    }
    margins.insert(margins.end(), least.begin(), least.end());
    begin = end;
  }
  return margins;
}

double pure_radius(Context& context, const PoolRows& pool, const Problem& problem, const Config& config) {
  if (problem.classes < 2)
    fail(ExitCode::config,
         fmt::format(
             "acquisition \"{}\" finds its radius by clusters, one for each class: give the number of classes, 2 "
             "or more, or a radius",
             config.name));
  say_estimate(context, pool, config, {},
               {double(pool.count()) * double(pool.count()), "pairs at most for the radius", 1});
  const Clusters clusters = k_means(context, pool.rows(), problem.classes, config.seed, config.round, config.progress);
  std::vector<double> margins = squared_margins(context, pool, clusters, config.progress);
  const auto at = margins.begin() + int64_t((1 - kPurity) * double(margins.size()));
  std::nth_element(margins.begin(), at, margins.end());
  double radius = std::sqrt(*at);
  while (radius * radius > *at) radius = std::nextafter(radius, 0);  // the ball is open: the other item stays outside
  return radius;
}

}  // namespace

double cover_radius(Context& context, const PoolRows& pool, const Problem& problem, const Config& config) {
  return config.radius > 0 ? config.radius : pure_radius(context, pool, problem, config);
}

}  // namespace crc::select
