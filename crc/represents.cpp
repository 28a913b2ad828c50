#include "crc/represents.h"

#include <algorithm>
#include <cmath>

#include "crc/pool_rows.h"
#include "kernels/ops/pairwise_tile.h"

namespace crc::select {
namespace {

constexpr int64_t kRepresentedAtOnce = 1 << 16;

struct Nearest {
  std::vector<double> squared;  // [M] infinite without places
  std::vector<int64_t> which;   // [M] one of the places
};

Nearest nearest_of(Context& context, const PoolRows& pool, std::span<const int64_t> places, const Config& config) {
  const int64_t count = pool.count();
  Nearest nearest{std::vector<double>(size_t(count), INFINITY), std::vector<int64_t>(size_t(count), -1)};
  if (places.empty()) return nearest;
  const Tensor chosen = pool.gather(context, places);
  for (int64_t begin = 0; begin < count; begin += kRepresentedAtOnce) {
    const int64_t n = std::min(kRepresentedAtOnce, count - begin);
    const Tensor values(context, {n, 1}, Dtype::f64, "distances"), at(context, {n, 1}, Dtype::i64, "nearest");
    pairwise_least(context, values.view<double, 2>(), at.view<int64_t, 2>(), pool.rows().slice(begin, begin + n),
                   chosen.view<const float, 2>(), Pairing{});
    std::ranges::copy(values.to_host<double>(context), nearest.squared.begin() + begin);
    std::ranges::transform(at.to_host<int64_t>(context), nearest.which.begin() + begin,
                           [&](int64_t k) { return places[size_t(k)]; });
    report(config.progress, "what picks stand for", begin + n, count);
  }
  return nearest;
}

}  // namespace

Represented represent(Context& context, const Problem& problem, const Config& config, std::span<const int64_t> picks) {
  const PoolRows pool(context, problem, config, Scaling::none);
  std::vector<int64_t> picked;
  for (int64_t item : picks) picked.push_back(std::ranges::lower_bound(pool.items, item) - pool.items.begin());
  std::ranges::sort(picked);
  Nearest labeled = nearest_of(context, pool, pool.labeled, config);
  const Nearest nearest = nearest_of(context, pool, picked, config);
  Represented r{pool.items, {}, {}, {}};
  for (size_t k = 0; k < r.items.size(); ++k) {
    const bool to_pick = nearest.squared[k] < labeled.squared[k];
    r.by.push_back(pool.items[size_t(to_pick ? nearest.which[k] : labeled.which[k])]);
    r.distances.push_back(std::sqrt(pool.square(to_pick ? nearest.squared[k] : labeled.squared[k])));
    r.before.push_back(std::sqrt(pool.square(labeled.squared[k])));
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
