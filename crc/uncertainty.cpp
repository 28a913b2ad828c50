#include "crc/uncertainty.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace crc::select {

HostRows read_logits(Context& context, const Problem& problem, const Config& config) {
  HostRows logits = read_rows(context, problem.logits, config.name, "logits", {problem.unlabeled});
  if (logits.width < 2)
    fail(ExitCode::config,
         fmt::format("acquisition \"{}\" needs logits of at least 2 classes, got {}", config.name, logits.width));
  return logits;
}

std::vector<double> softmax(std::span<const float> logits) {
  std::vector<double> p(logits.begin(), logits.end());
  const double largest = *std::ranges::max_element(p);
  double total = 0;
  for (double& v : p) total += v = std::exp(v - largest);
  for (double& v : p) v /= total;
  return p;
}

Selection most_uncertain(Context& context, const Problem& problem, const Config& config,
                         const std::function<double(std::span<const double> p)>& measure) {
  const HostRows logits = read_logits(context, problem, config);
  std::vector<double> scores;
  std::vector<float> descending;
  scores.reserve(problem.unlabeled.size());
  for (int64_t item : problem.unlabeled) {
    descending.assign(logits[item].begin(), logits[item].end());
    std::sort(descending.rbegin(), descending.rend());
    scores.push_back(measure(softmax(descending)));
  }
  return best_items(problem, config, std::move(scores));
}

}  // namespace crc::select
