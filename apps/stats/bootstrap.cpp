#include "apps/stats/bootstrap.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "apps/stats/distributions.h"
#include "kernels/core/random.h"

namespace crc::apps {
namespace {

constexpr Purpose kStream = Purpose(0x626f6f74);  // of no run

std::vector<double> sorted(std::span<const double> values) {
  std::vector<double> copy(values.begin(), values.end());
  std::ranges::sort(copy);
  return copy;
}

}  // namespace

double mean(std::span<const double> values) {
  return values.empty() ? NAN : std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

double median(std::span<const double> values) { return quantile(sorted(values), 0.5); }

double interquartile_mean(std::span<const double> values) {
  const std::vector<double> all = sorted(values);
  const size_t cut = all.size() / 4;
  return mean(std::span(all).subspan(cut, all.size() - 2 * cut));
}

double quantile(std::span<const double> sorted, double probability) {
  if (sorted.empty()) return NAN;
  const double place = probability * double(sorted.size() - 1);
  const size_t below = std::min(size_t(place), sorted.size() - 1), above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - double(below)) * (sorted[above] - sorted[below]);
}

Interval median_interval(std::span<const double> values) {
  const int n = int(values.size());
  // Of coin tosses: P(fewer than k heads of n); the k-th smallest and k-th largest hold the median with 1 - 2 of it.
  double chance = std::exp2(-n), below = chance;
  int k = 1;
  if (1 - 2 * below < 0.95) return {};
  while (1 - 2 * (below + chance * (n - k + 1) / k) >= 0.95) chance *= double(n - k + 1) / k, below += chance, ++k;
  const double outer = 1 - 2 * below, inner = outer - 2 * chance * (n - k + 1) / k;
  const double part = (outer - 0.95) / (outer - inner), weight = (n - k) * part / (k + (n - 2 * k) * part);
  const std::vector<double> all = sorted(values);
  const auto at = [&](int i) { return all[size_t(i)]; };
  return {at(k - 1) + weight * (at(k) - at(k - 1)), at(n - k) + weight * (at(n - k - 1) - at(n - k))};
}

std::vector<uint32_t> resample(uint32_t replicate, uint32_t stratum, uint32_t count) {
  Draws draws(0, kStream, replicate, stratum);
  std::vector<uint32_t> picks(count);
  for (uint32_t& pick : picks) pick = draws.below(count);
  return picks;
}

Interval interval_of(std::vector<double> replicates, size_t smallest) {
  if (smallest < 2 || std::ranges::any_of(replicates, [](double v) { return std::isnan(v); })) return {};
  const double n = double(smallest), tail = normal_below(-1.959963984540054 * std::sqrt(n / (n - 1)));
  std::ranges::sort(replicates);
  return {quantile(replicates, tail), quantile(replicates, 1 - tail)};
}

Interval bootstrap(std::span<const std::vector<double>> strata, const Statistic& statistic) {
  size_t smallest = strata.empty() ? 0 : std::numeric_limits<size_t>::max(), total = 0;
  for (const std::vector<double>& stratum : strata)
    smallest = std::min(smallest, stratum.size()), total += stratum.size();
  if (smallest < 2) return {};
  std::vector<double> replicates(kReplicates), values;
  values.reserve(total);
  for (uint32_t r = 0; r < kReplicates; ++r) {
    values.clear();
    for (size_t s = 0; s < strata.size(); ++s)
      for (const uint32_t pick : resample(r, uint32_t(s), uint32_t(strata[s].size())))
        values.push_back(strata[s][pick]);
    replicates[r] = statistic(values);
  }
  return interval_of(std::move(replicates), smallest);
}

}  // namespace crc::apps
