#include "crc/uncertainty.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "kernels/core/host_softmax.h"

namespace crc::select {

int64_t Logits::classes() const {
  return std::visit([](const auto& matrix) { return matrix.width; }, rows);
}

std::vector<double> Logits::operator[](int64_t item) const {
  return std::visit(
      [&](const auto& matrix) {
        const auto row = matrix[item];
        return std::vector<double>(row.begin(), row.end());
      },
      rows);
}

Logits read_logits(Context& context, const Problem& problem, const Config& config, std::span<const int64_t> more) {
  Logits logits{std::visit(
      [&](auto array) -> decltype(Logits::rows) {
        return read_rows(context, array, config.name, "logits", {problem.unlabeled, more});
      },
      problem.logits)};
  if (logits.classes() < 2)
    fail(ExitCode::config,
         fmt::format("acquisition \"{}\" needs logits of at least 2 classes, got {}", config.name, logits.classes()));
  return logits;
}

std::vector<double> softmax(std::vector<double> p) {
  const HostSoftmax softmax(std::span<const double>{p});
  for (double& v : p) v = softmax.p(v);
  return p;
}

double entropy(std::span<const double> p) {
  double total = 0;
  for (double q : p)
    if (q > 0) total -= q * std::log(q);
  return total;
}

double margin_uncertainty(std::vector<double> p) {
  std::ranges::partial_sort(p, p.begin() + 2, std::greater<>());
  return 1 - (p[0] - p[1]);
}

double expected_changes(const Logits& logits, std::span<const int64_t> items) {
  double changes = 0;
  for (int64_t item : items) changes += 1 - std::ranges::max(softmax(logits[item]));
  return changes;
}

Selection most_uncertain(Context& context, const Problem& problem, const Config& config,
                         const std::function<double(std::span<const double> p)>& measure) {
  const Logits logits = read_logits(context, problem, config);
  std::vector<double> certain(size_t(logits.classes()), 0.0), scores;
  certain[0] = 1;
  const double none = problem.weights.empty() ? 0 : measure(certain);
  scores.reserve(problem.unlabeled.size());
  for (int64_t item : problem.unlabeled) {
    std::vector<double> descending = logits[item];
    std::sort(descending.rbegin(), descending.rend());
    scores.push_back(measure(softmax(std::move(descending))) - none);
  }
  return best_items(problem, config, std::move(scores));
}

}  // namespace crc::select
