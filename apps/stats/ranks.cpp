#include "apps/stats/ranks.h"

#include <algorithm>
#include <numeric>

#include "apps/stats/distributions.h"

namespace crc::apps {
namespace {

constexpr int kMostExact = 50;

// Of the groups of equal values: the sum of (size^3 - size).
double ties(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  double sum = 0;
  for (size_t first = 0, last = 0; first < sorted.size(); first = last) {
    while (last < sorted.size() && sorted[last] == sorted[first]) ++last;
    const double size = double(last - first);
    sum += size * size * size - size;
  }
  return sum;
}

// The chance that a sum of `ranks`, each taken with probability 1/2, is at most `at_most`. Twice a rank is an integer.
double chance_at_most(std::span<const double> ranks, double at_most) {
  const double whole = std::accumulate(ranks.begin(), ranks.end(), 0.0);
  std::vector<double> chance(size_t(std::lround(2 * whole)) + 1);
  chance[0] = 1;
  size_t reached = 0;
  for (const double rank : ranks) {
    const size_t twice = size_t(std::lround(2 * rank));
    reached += twice;
    for (size_t sum = reached + 1; sum-- > 0;)
      chance[sum] = (chance[sum] + (sum >= twice ? chance[sum - twice] : 0)) / 2;
  }
  double total = 0;
  for (size_t sum = 0; sum <= size_t(std::lround(2 * at_most)); ++sum) total += chance[sum];
  return total;
}

}  // namespace

std::vector<double> midranks(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::ranges::sort(order, {}, [&](size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  for (size_t first = 0, last = 0; first < order.size(); first = last) {
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    for (size_t i = first; i < last; ++i) ranks[order[i]] = double(first + 1 + last) / 2;
  }
  return ranks;
}

SignedRanks signed_ranks(std::span<const double> differences) {
  std::vector<double> sizes, signs;
  for (const double d : differences)
    if (d != 0) sizes.push_back(std::abs(d)), signs.push_back(d);
  SignedRanks result{.count = int(sizes.size())};
  if (sizes.empty()) return result;
  const std::vector<double> ranks = midranks(sizes);
  for (size_t i = 0; i < ranks.size(); ++i) result.positive += signs[i] > 0 ? ranks[i] : 0;
  const double n = result.count, whole = n * (n + 1) / 2, smaller = std::min(result.positive, whole - result.positive);
  result.rank_biserial = 2 * result.positive / whole - 1;
  if (result.count <= kMostExact) {
    result.p = std::min(1.0, 2 * chance_at_most(ranks, smaller));
  } else {
    const double variance = (n * (n + 1) * (2 * n + 1) - ties(sizes) / 2) / 24;
    result.p = std::min(1.0, 2 * normal_below((smaller - whole / 2) / std::sqrt(variance)));
  }
  return result;
}

Ranking rank_methods(std::span<const std::vector<double>> values) {
  Ranking ranking{.trials = int64_t(values.size())};
  const size_t methods = values.empty() ? 0 : values[0].size();
  std::vector<double> sums(methods);
  double tied = 0;
  for (const std::vector<double>& trial : values) {
    std::vector<double> turned;
    for (const double value : trial) turned.push_back(-value);
    const std::vector<double> ranks = midranks(turned);
    for (size_t m = 0; m < methods; ++m) sums[m] += ranks[m];
    tied += ties(turned);
  }
  const double n = double(values.size()), k = double(methods);
  double squares = 0;
  for (const double sum : sums) ranking.mean_rank.push_back(sum / n), squares += sum * sum;
  if (n < 2 || k < 2) return ranking;
  const double untied = 1 - tied / (n * k * (k * k - 1));
  ranking.chi_squared = untied > 0 ? (12 / (n * k * (k + 1)) * squares - 3 * n * (k + 1)) / untied : 0;
  ranking.p = chi_squared_exceeded(ranking.chi_squared, int64_t(methods) - 1);
  ranking.critical_difference =
      range_quantile(0.95, int64_t(methods)) / std::sqrt(2.0) * std::sqrt(k * (k + 1) / (6 * n));
  return ranking;
}

std::vector<std::pair<size_t, size_t>> not_told_apart(std::vector<double> mean_rank, double critical_difference) {
  std::ranges::sort(mean_rank);
  std::vector<std::pair<size_t, size_t>> runs;
  size_t reached = 0;
  for (size_t first = 0; first < mean_rank.size(); ++first) {
    size_t last = first;
    while (last + 1 < mean_rank.size() && mean_rank[last + 1] - mean_rank[first] <= critical_difference) ++last;
    if (last > first && (runs.empty() || last > reached)) runs.emplace_back(first, last), reached = last;
  }
  return runs;
}

}  // namespace crc::apps
