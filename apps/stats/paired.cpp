#include "apps/stats/paired.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "apps/stats/distributions.h"

namespace crc::apps {
namespace {

constexpr double kLevel = 0.05, kPower = 0.8, kPoints = 1;
constexpr double kTie = 1e-9;  // points: what the order of sums makes of equal areas

// The two methods' curves in one trial.
struct TwoCurves {
  const std::vector<double>*one, *other;
};

std::vector<double> mean_curve(std::span<const TwoCurves> trials, std::span<const uint32_t> picks,
                               const std::vector<double>* TwoCurves::*which) {
  std::vector<double> sums((trials[0].*which)->size());
  for (const uint32_t pick : picks)
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += (*(trials[pick].*which))[i];
  for (double& sum : sums) sum /= double(picks.size());
  return sums;
}

void compare_labels(Pair& pair, std::span<const double> labels, std::span<const TwoCurves> trials) {
  if (trials.empty() || labels.size() < 2) return;
  const auto saved = [&](std::span<const uint32_t> picks) {
    return labels_saved(labels, mean_curve(trials, picks, &TwoCurves::one),
                        mean_curve(trials, picks, &TwoCurves::other));
  };
  std::vector<uint32_t> all(trials.size());
  for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  pair.saved = saved(all);
  if (trials.size() < 2) return;
  std::vector<double> replicates(kReplicates);
  for (uint32_t r = 0; r < kReplicates; ++r) replicates[r] = saved(resample(r, 0, uint32_t(trials.size()))).labels;
  pair.saved_interval = interval_of(std::move(replicates), trials.size());
}

Pair pair_of(const Comparison& comparison, size_t a, size_t b, int64_t trials) {
  const MethodAreas &one = comparison.methods[a], &other = comparison.methods[b];
  std::vector<double> first, second, differences, in_ties;
  std::vector<TwoCurves> curves;
  for (const auto& [trial, area] : one.by_trial) {
    const auto against = other.by_trial.find(trial);
    if (against == other.by_trial.end()) continue;
    first.push_back(area);
    second.push_back(against->second);
    const double difference = area - against->second;
    differences.push_back(std::abs(difference) < kTie ? 0 : difference);
    in_ties.push_back(std::round(difference / kTie));
    if (const auto mine = one.curves.find(trial), its = other.curves.find(trial);
        mine != one.curves.end() && its != other.curves.end())
      curves.push_back({&mine->second, &its->second});
  }
  const auto count = [&](auto condition) { return int(std::ranges::count_if(differences, condition)); };
  Pair pair{.method = a, .against = b};
  pair.difference = estimate(differences);
  pair.area = mean(first);
  pair.against_area = mean(second);
  pair.wins = count([](double d) { return d > 0; });
  pair.losses = count([](double d) { return d < 0; });
  pair.ties = count([](double d) { return d == 0; });
  pair.left_out = trials - int64_t(differences.size());
  pair.ranks = signed_ranks(in_ties);
  if (pair.difference.deviation > kTie) pair.effect = pair.difference.mean / pair.difference.deviation;
  compare_labels(pair, comparison.labels, curves);
  return pair;
}

// Holm 1979: the k-th smallest of m p-values times m - k + 1, never below an earlier one. What is needed for a point is
// asked at the level of the smallest one, 0.05 / m.
void correct(std::vector<Pair>& pairs) {
  std::vector<Pair*> tested;
  for (Pair& pair : pairs)
    if (std::isfinite(pair.difference.p)) tested.push_back(&pair);
  std::ranges::stable_sort(tested, {}, [](const Pair* pair) { return pair->difference.p; });
  double so_far = 0;
  for (size_t k = 0; k < tested.size(); ++k) {
    so_far = std::max(so_far, std::min(1.0, double(tested.size() - k) * tested[k]->difference.p));
    tested[k]->p_holm = so_far;
    if (const double deviation = tested[k]->difference.deviation; deviation > kTie)
      tested[k]->needed = trials_needed(deviation, kPoints, kLevel / double(tested.size()));
  }
}

void summarize(MethodAreas& method) {
  std::vector<double> areas;
  for (const auto& [trial, area] : method.by_trial) areas.push_back(area);
  const std::vector<std::vector<double>> stratum{areas};
  method.all = estimate(areas);
  method.median = median(areas);
  method.interquartile = interquartile_mean(areas);
  method.median_interval = median_interval(areas);
  method.interquartile_interval = bootstrap(stratum, interquartile_mean);
}

Ranking ranking_of(std::span<const MethodAreas> methods) {
  std::vector<std::vector<double>> values;
  if (!methods.empty())
    for (const auto& [trial, area] : methods[0].by_trial) {
      std::vector<double> row;
      for (const MethodAreas& method : methods)
        if (const auto at = method.by_trial.find(trial); at != method.by_trial.end())
          row.push_back(std::round(at->second / kTie));
      if (row.size() == methods.size()) values.push_back(std::move(row));
    }
  return rank_methods(values);
}

}  // namespace

Estimate estimate(std::span<const double> values) {
  Estimate result{.count = int(values.size()), .mean = mean(values)};
  if (result.count < 2) return result;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  const double freedom = result.count - 1;
  result.deviation = std::sqrt(squares / freedom);
  const double error = result.deviation / std::sqrt(double(result.count));
  result.half = student_t_exceeded(kLevel, freedom) * error;
  result.p = result.mean == 0 ? 1 : student_t_two_sided(result.mean / error, freedom);
  return result;
}

Verdict verdict(const Pair& pair, bool turned) {
  if (!(pair.p_holm < kLevel)) return Verdict::none;
  return (pair.difference.mean > 0) != turned ? Verdict::better : Verdict::worse;
}

std::string words(const Pair& pair, bool turned) {
  if (const Verdict v = verdict(pair, turned); v != Verdict::none) return v == Verdict::better ? "better" : "worse";
  const int count = pair.difference.count;
  if (count == 0) return "no trial in common";
  const std::string none = fmt::format("no difference that {} trial{}", count, count == 1 ? " shows" : "s show");
  if (pair.needed == 0) return none;
  if (pair.needed <= count) return none + ", enough for 1 point";
  return fmt::format("{}; {}{} would be needed for 1 point", none, pair.needed == kMostNeeded ? "more than " : "",
                     pair.needed);
}

const Pair& Comparison::pair(size_t a, size_t b) const {
  const size_t low = std::min(a, b), high = std::max(a, b), n = methods.size();
  return pairs[low * n - low * (low + 1) / 2 + high - low - 1];
}

double Comparison::widest() const {
  double widest = 0;
  for (const Pair& pair : pairs)
    widest = std::max(widest, std::isnan(pair.difference.half) ? INFINITY : 2 * pair.difference.half);
  return widest;
}

Comparison compare(std::vector<MethodAreas> methods, int64_t trials, std::vector<double> labels) {
  Comparison comparison{.labels = std::move(labels), .methods = std::move(methods)};
  for (MethodAreas& method : comparison.methods) summarize(method);
  std::ranges::stable_sort(comparison.methods, std::greater(), [](const MethodAreas& method) {
    return method.all.count > 0 ? method.all.mean : -std::numeric_limits<double>::infinity();
  });
  for (size_t a = 0; a < comparison.methods.size(); ++a)
    for (size_t b = a + 1; b < comparison.methods.size(); ++b)
      comparison.pairs.push_back(pair_of(comparison, a, b, trials));
  correct(comparison.pairs);
  const auto some = std::ranges::count_if(comparison.methods, [](const MethodAreas& m) { return m.all.count > 0; });
  comparison.ranking = ranking_of(std::span(comparison.methods).first(size_t(some)));
  return comparison;
}

int64_t trials_needed(double deviation, double points, double level) {
  const auto enough = [&](int64_t trials) {
    const double freedom = double(trials - 1), shift = points * std::sqrt(double(trials)) / deviation;
    return student_t_power(shift, freedom, student_t_exceeded(level, freedom)) >= kPower;
  };
  if (deviation == 0) return 2;
  int64_t low = 1, high = 2;
  while (high < kMostNeeded && !enough(high)) low = high, high = std::min(2 * high, kMostNeeded);
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (middle >= 2 && enough(middle) ? high : low) = middle;
  }
  return high;
}

}  // namespace crc::apps
