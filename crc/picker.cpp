#include "crc/picker.h"

#include <algorithm>

namespace crc::select {

Picker::Picker(const PoolIndex& pool, const Problem& problem, const Config& config, std::vector<double> scores)
    : pool_(pool),
      ties_(config.seed, config.round),
      known_(pool, problem.labeled),
      taken_(pool.items.size()),
      picks_(problem, config, std::move(scores)) {}

int64_t Picker::best(std::span<const int64_t> places, std::span<const double> values) const {
  return best_place(pool_, places, values, taken_, known_, ties_);
}

void Picker::take(int64_t place, double score, bool drawn) {
  taken_[size_t(place)] = true;
  known_.add(pool_.items[size_t(place)]);
  picks_.add(pool_.items[size_t(place)], score, drawn);
}

void Picker::take_centers(std::span<const int64_t> places, const Clusters& clusters) {
  std::vector<std::vector<int64_t>> members = clusters.members();
  std::ranges::stable_sort(members, std::greater<>(), [](const auto& list) { return list.size(); });
  for (const std::vector<int64_t>& list : members) {
    if (complete()) return;
    std::vector<int64_t> of_cluster;
    std::vector<double> values;
    for (int64_t k : list) {
      of_cluster.push_back(places[size_t(k)]);
      values.push_back(-double(float(clusters.distances[size_t(k)])));
    }
    const int64_t nearest = best(of_cluster, values);
    const auto at = std::ranges::find(of_cluster, nearest) - of_cluster.begin();
    take(nearest, -clusters.distances[size_t(list[size_t(at)])], false);
  }
}

void Picker::fill(std::span<const double> values) {
  while (!complete()) {
    const int64_t place = best(pool_.unlabeled, values);
    const double value = values[size_t(std::ranges::lower_bound(pool_.unlabeled, place) - pool_.unlabeled.begin())];
    take(place, value, !(value > 0));
  }
}

}  // namespace crc::select
