#include "crc/uncertainty.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "crc/sharded_rows.h"
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

const ShardedRows& sharded_logits(const Problem& problem, const Config& config) {
  const std::optional<ShardedRows>& logits = problem.shards->logits;
  if (!logits) fail(ExitCode::config, fmt::format("acquisition \"{}\" needs logits, and none were given", config.name));
  if (logits->columns() < 2)
    fail(ExitCode::config,
         fmt::format("acquisition \"{}\" needs logits of at least 2 classes, got {}", config.name, logits->columns()));
  return *logits;
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

double expected_changes(Context& context, const Problem& problem, const Config& config,
                        std::span<const int64_t> items) {
  std::vector<double> changes;
  const auto of = [](std::vector<double> logits) { return 1 - std::ranges::max(softmax(std::move(logits))); };
  if (problem.shards) {
    const ShardedRows& logits = sharded_logits(problem, config);
    const std::vector<double> rows = logits.everywhere<double>(items);
    for (auto row = rows.begin(); row != rows.end(); row += logits.columns())
      changes.push_back(of({row, row + logits.columns()}));
  } else {
    changes = from_logits(context, problem, config, items, of);
  }
  return std::accumulate(changes.begin(), changes.end(), 0.0);
}

std::vector<double> from_logits(Context& context, const Problem& problem, const Config& config,
                                std::span<const int64_t> items, const std::function<double(std::vector<double>)>& f) {
  std::vector<double> values;
  if (!problem.shards) {
    const Logits logits = read_logits(context, problem, config);
    values.reserve(items.size());
    for (int64_t item : items) values.push_back(f(logits[item]));
    return values;
  }
  const ShardedRows& logits = sharded_logits(problem, config);
  logits.each_block<double>(logits.own(items), [&](auto some, std::span<const double> rows) {
    const size_t classes = rows.size() / some.size();
    for (size_t k = 0; k < some.size(); ++k) {
      const auto row = rows.subspan(k * classes, classes);
      values.push_back(f({row.begin(), row.end()}));
    }
    report(config.progress, "rows of the logits", int64_t(values.size()), int64_t(logits.own(items).size()));
  });
  return problem.shards->ranks.gather(std::span<const double>(values));
}

Selection most_uncertain(Context& context, const Problem& problem, const Config& config,
                         const std::function<double(std::span<const double> p)>& measure) {
  const auto score = [&](std::vector<double> descending) {
    std::sort(descending.rbegin(), descending.rend());
    return measure(softmax(std::move(descending)));
  };
  std::vector<double> scores = from_logits(context, problem, config, problem.unlabeled, score);
  if (!problem.weights.empty()) {
    const double certain[] = {1, 0};
    const double none = measure(certain);
    for (double& s : scores) s -= none;
  }
  return best_items(problem, config, std::move(scores));
}

}  // namespace crc::select
