#include "crc/represents.h"

#include <algorithm>
#include <cmath>

#include "crc/pool_blocks.h"
#include "kernels/ops/pairwise_tile.h"

namespace crc::select {
namespace {

constexpr int64_t kRepresentedAtOnce = 1 << 16;

struct Nearest {
  double squared;  // infinite without places
  int64_t which;   // one of the places, or -1
};

// Of every item of the pool.
std::vector<Nearest> nearest_of(Context& context, const PoolBlocks& pool, std::span<const int64_t> places,
                                const Config& config) {
  std::vector<Nearest> nearest(pool.items().size(), Nearest{INFINITY, -1});
  if (places.empty()) return pool.ranks().gather(std::span<const Nearest>(nearest));
  const Tensor chosen = pool.at(places);
  pool.each([&](int64_t first, View<const float, 2> rows) {
    for (int64_t begin = 0; begin < rows.shape[0]; begin += kRepresentedAtOnce) {
      const int64_t n = std::min(kRepresentedAtOnce, rows.shape[0] - begin);
      const Tensor values(context, {n, 1}, Dtype::f64, "distances"), at(context, {n, 1}, Dtype::i64, "nearest");
      pairwise_least(context, values.view<double, 2>(), at.view<int64_t, 2>(), rows.slice(begin, begin + n),
                     chosen.view<const float, 2>(), Pairing{});
      const std::vector<double> squared = values.to_host<double>(context);
      const std::vector<int64_t> which = at.to_host<int64_t>(context);
      for (int64_t k = 0; k < n; ++k)
        nearest[size_t(first + begin + k)] = {squared[size_t(k)], places[size_t(which[size_t(k)])]};
      report(config.progress, "what picks stand for", first + begin + n, int64_t(nearest.size()));
    }
  });
  return pool.ranks().gather(std::span<const Nearest>(nearest));
}

}  // namespace

Represented represent(Context& context, const Problem& problem, const Config& config, std::span<const int64_t> picks) {
  const PoolBlocks rows(context, problem, config);
  const PoolIndex& pool = rows.index();
  std::vector<int64_t> picked;
  for (int64_t item : picks) picked.push_back(std::ranges::lower_bound(pool.items, item) - pool.items.begin());
  std::ranges::sort(picked);
  const std::vector<Nearest> labeled = nearest_of(context, rows, pool.labeled, config),
                             nearest = nearest_of(context, rows, picked, config);
  Represented r{pool.items, {}, {}, {}};
  for (size_t k = 0; k < r.items.size(); ++k) {
    const Nearest& closest = nearest[k].squared < labeled[k].squared ? nearest[k] : labeled[k];
    r.by.push_back(pool.items[size_t(closest.which)]);
    r.distances.push_back(std::sqrt(rows.square(closest.squared)));
    r.before.push_back(std::sqrt(rows.square(labeled[k].squared)));
  }
  for (const auto& own :
       {std::span<const int64_t>(pool.labeled), std::span<const int64_t>(picked)})  // copies of each other too
    for (int64_t place : own) r.by[size_t(place)] = pool.items[size_t(place)], r.distances[size_t(place)] = 0;
  return r;
}

std::map<int64_t, Standing> standings(const Represented& represented) {
  std::map<int64_t, Standing> all;
  for (size_t k = 0; k < represented.by.size(); ++k) {
    Standing& s = all[represented.by[k]];
    ++s.items;
    s.mean += represented.distances[k];
    s.largest = std::max(s.largest, represented.distances[k]);
  }
  for (auto& [item, s] : all) s.mean /= double(s.items);
  return all;
}

}  // namespace crc::select
