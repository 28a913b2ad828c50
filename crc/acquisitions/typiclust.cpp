// TypiClust (Hacohen, Dekel & Weinshall 2022, avihu111/TypiClust): the pool, features of unit length, in
// min(|L| + Q, 500) clusters by k-means (crc/k_means.h); one pick of each, those with the fewest labelled items first
// and among them the largest; round again while picks are missing. The pick is the most typical item,
//   typicality(x) = 1 / (1e-5 + 1/K sum_{K nearest} |x - x_i|),   K = min(20, size - 1),
// among the cluster's items that are neither labelled nor picked. Not as in the authors' code: clusters of five items
// and less are not left out (they come last by their size), K is not halved for small ones, distances are the paper's
// where theirs are squared, and a copy of a labelled or picked item comes after all others of its cluster. The scores of
// all items, for the log, are -|x - centre|.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "crc/checkpoint.h"
#include "crc/estimate.h"
#include "crc/k_means.h"
#include "crc/quotas.h"
#include "kernels/ops/pairwise_tile.h"

namespace crc::select {
namespace {

constexpr int64_t kMostClusters = 500, kNeighbours = 20;

struct Cluster {
  std::vector<int64_t> places;  // in the pool, not yet labelled or picked
  int64_t size, labeled;
};

// The k nearest of the rows of `places`, of each that this process holds; places in that list, ascending by distance, of
// equally near ones the first. Rows of the others pass by block by block.
struct Neighbours {
  std::vector<double> squared;  // [own,k]
  std::vector<int64_t> which;   // [own,k]
};
Neighbours nearest_among(Context& context, const PoolBlocks& pool, std::span<const int64_t> items,
                         std::span<const int64_t> own, int64_t k) {
  Neighbours all{std::vector<double>(own.size() * size_t(k)), std::vector<int64_t>(own.size() * size_t(k))};
  const auto list = [&](int64_t i) { return LeastList{&all.squared[size_t(i * k)], &all.which[size_t(i * k)], k}; };
  for (int64_t i = 0; i < int64_t(own.size()); ++i) list(i).clear();
  pool.stream(items, [&](int64_t first, View<const float, 2> columns) {
    const auto meet = [&](int64_t begin, View<const float, 2> rows) {
      const int64_t n = rows.shape[0];
      const Tensor squared(context, {n, k}, Dtype::f64, "squared distances"),
          nearest(context, {n, k}, Dtype::i64, "neighbours");
      pairwise_least(context, squared.view<double, 2>(), nearest.view<int64_t, 2>(), rows, columns, Pairing{});
      const std::vector<double> d = squared.to_host<double>(context);
      const std::vector<int64_t> of = nearest.to_host<int64_t>(context);
      for (int64_t s = 0; s < n * k; ++s)
        if (of[size_t(s)] >= 0) list(begin + s / k).offer(d[size_t(s)], first + of[size_t(s)]);
    };
    if (pool.whole())
      meet(0, columns);
    else
      pool.each_of(own, meet);
  });
  return all;
}

// Typicality of each of the rows among them.
std::vector<double> typicality(Context& context, const PoolBlocks& pool, std::span<const int64_t> places) {
  const int64_t n = int64_t(places.size()), k = std::min(kNeighbours, n - 1);
  const std::vector<int64_t> items = pool.index().items_at(places);
  const std::span<const int64_t> own = pool.own(items);
  const Neighbours near = nearest_among(context, pool, items, own, k + 1);
  const int64_t before = own.data() - items.data();
  std::vector<double> values;
  for (int64_t i = 0; i < int64_t(own.size()); ++i) {
    double total = 0;
    int64_t counted = 0;
    for (int64_t s = i * (k + 1); s <= i * (k + 1) + k && counted < k; ++s)
      if (near.which[size_t(s)] != before + i) total += std::sqrt(near.squared[size_t(s)]), ++counted;
    values.push_back(1 / (1e-5 + (k > 0 ? total / double(k) : 0)));
  }
  return pool.ranks().gather(std::span<const double>(values));
}

std::vector<Cluster> ordered_clusters(const PoolIndex& pool, const Clusters& found) {
  std::vector<Cluster> clusters;
  for (std::vector<int64_t>& members : found.members()) {
    const int64_t size = int64_t(members.size());
    std::vector<int64_t> open;
    std::ranges::set_difference(members, pool.labeled, std::back_inserter(open));
    const int64_t labeled = size - int64_t(open.size());
    clusters.push_back({std::move(open), size, labeled});
  }
  std::ranges::stable_sort(clusters, [](const Cluster& a, const Cluster& b) {
    return a.labeled != b.labeled ? a.labeled < b.labeled : a.size > b.size;
  });
  return clusters;
}

}  // namespace

Selection select_typiclust(Context& context, const Problem& problem, const Config& config) {
  const PoolBlocks rows(context, problem, config, {.scaling = Scaling::unit});
  const PoolIndex& pool = rows.index();
  const int64_t k = std::min(int64_t(problem.labeled.size()) + config.budget, kMostClusters);
  say_estimate(context, rows, config, {},
               {double(k) * double(pool.count()), "pairs for each of at most 100 rounds of k-means"});
  const Clusters found = k_means(context, rows, k, config, "for the picks");
  std::vector<Cluster> clusters = ordered_clusters(pool, found);
  std::vector<double> scores;
  for (int64_t place : pool.unlabeled) scores.push_back(-std::sqrt(found.distances[place]));
  const Ties ties(config.seed, config.round);
  Known known(pool, problem.labeled);
  std::vector<bool> taken(pool.items.size());
  Picks picks(problem, config, std::move(scores));
  Quotas quotas(config);
  double pairs = 0;
  for (int64_t turn = 0; turn < config.budget; ++turn)
    pairs += std::pow(double(clusters[size_t(turn) % clusters.size()].places.size()), 2);
  say_estimate(context, rows, config, {}, {pairs, "pairs within clusters"});
  int64_t uncovered = 0;
  for (const Cluster& cluster : clusters) uncovered += cluster.labeled == 0;
  Steps<2> steps(config, "picks", config.budget);
  for (size_t turn = 0; !picks.complete(); ++turn) {
    Cluster& cluster = clusters[turn % clusters.size()];
    if (cluster.places.empty()) continue;
    const auto [place, value] = steps.next([&]() -> Steps<2>::Step {
      const std::vector<double> values = typicality(context, rows, cluster.places);
      const int64_t best = best_place(pool, cluster.places, values, taken, known, ties);
      const auto at = std::ranges::lower_bound(cluster.places, best) - cluster.places.begin();
      return {double(best), best < 0 ? 0 : values[size_t(at)]};
    });
    const auto best = int64_t(place);
    if (best < 0) {  // the quotas leave nothing here
      cluster.places.clear();
      continue;
    }
    quotas.take(pool.items[best], pool.items, taken);
    const auto at = std::ranges::lower_bound(cluster.places, best);
    picks.add(pool.items[best], value, known.contains(pool.items[best]));
    known.add(pool.items[best]);
    cluster.places.erase(at);
  }
  return picks.finish(fmt::format("typiclust: {} of {} items; {} clusters, {} of them without a labelled item",
                                  config.budget, pool.unlabeled.size(), clusters.size(), uncovered));
}

}  // namespace crc::select
