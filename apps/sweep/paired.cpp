#include "apps/sweep/paired.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "apps/sweep/student_t.h"

namespace crc::apps {
namespace {

constexpr double kLevel = 0.05;
constexpr double kTie = 1e-9;  // points: what the order of sums makes of equal areas

double mean_of(std::span<const double> values) {
  return values.empty() ? kNone : std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

Pair pair_of(const Comparison& comparison, size_t a, size_t b, int64_t trials) {
  std::vector<double> first, second, differences;
  for (const auto& [trial, area] : comparison.methods[a].by_trial) {
    const auto other = comparison.methods[b].by_trial.find(trial);
    if (other == comparison.methods[b].by_trial.end()) continue;
    first.push_back(area);
    second.push_back(other->second);
    const double difference = area - other->second;
    differences.push_back(std::abs(difference) < kTie ? 0 : difference);
  }
  const auto count = [&](auto condition) { return int(std::ranges::count_if(differences, condition)); };
  return {.method = a,
          .against = b,
          .difference = estimate(differences),
          .area = mean_of(first),
          .against_area = mean_of(second),
          .wins = count([](double d) { return d > 0; }),
          .losses = count([](double d) { return d < 0; }),
          .ties = count([](double d) { return d == 0; }),
          .left_out = trials - int64_t(differences.size()),
          .p_holm = kNone};
}

// Holm 1979: the k-th smallest of m p-values times m - k + 1, never below an earlier one.
void correct(std::vector<Pair>& pairs) {
  std::vector<Pair*> tested;
  for (Pair& pair : pairs)
    if (std::isfinite(pair.difference.p)) tested.push_back(&pair);
  std::ranges::stable_sort(tested, {}, [](const Pair* pair) { return pair->difference.p; });
  double so_far = 0;
  for (size_t k = 0; k < tested.size(); ++k) {
    so_far = std::max(so_far, std::min(1.0, double(tested.size() - k) * tested[k]->difference.p));
    tested[k]->p_holm = so_far;
  }
}

}  // namespace

double area_under(std::span<const double> labels, std::span<const double> values) {
  if (labels.size() == 1) return values[0];
  double area = 0;
  for (size_t i = 1; i < labels.size(); ++i) area += (labels[i] - labels[i - 1]) * (values[i] + values[i - 1]) / 2;
  return area / (labels.back() - labels.front());
}

Estimate estimate(std::span<const double> values) {
  Estimate result{.count = int(values.size()), .mean = mean_of(values)};
  if (result.count < 2) return result;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  const double error = std::sqrt(squares / (result.count - 1) / result.count), freedom = result.count - 1;
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
  return fmt::format("no difference that {} trial{}", count, count == 1 ? " shows" : "s show");
}

const Pair& Comparison::pair(size_t a, size_t b) const {
  const size_t low = std::min(a, b), high = std::max(a, b), n = methods.size();
  return pairs[low * n - low * (low + 1) / 2 + high - low - 1];
}

Comparison compare(std::vector<MethodAreas> methods, int64_t trials) {
  Comparison comparison{std::move(methods), {}};
  for (MethodAreas& method : comparison.methods) {
    std::vector<double> areas;
    for (const auto& [trial, area] : method.by_trial) areas.push_back(area);
    method.all = estimate(areas);
  }
  std::ranges::stable_sort(comparison.methods, std::greater(), [](const MethodAreas& method) {
    return method.all.count > 0 ? method.all.mean : -std::numeric_limits<double>::infinity();
  });
  for (size_t a = 0; a < comparison.methods.size(); ++a)
    for (size_t b = a + 1; b < comparison.methods.size(); ++b)
      comparison.pairs.push_back(pair_of(comparison, a, b, trials));
  correct(comparison.pairs);
  return comparison;
}

}  // namespace crc::apps
