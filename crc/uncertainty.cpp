#include "crc/uncertainty.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "crc/host_rows.h"

namespace crc::select {

Selection most_uncertain(Context& context, const Problem& problem, const Config& config,
                         const std::function<double(std::span<const double> p)>& measure) {
  const HostRows logits = read_rows(context, problem.logits, config.name, "logits", {problem.unlabeled});
  if (logits.width < 2)
    fail(ExitCode::config,
         fmt::format("acquisition \"{}\" needs logits of at least 2 classes, got {}", config.name, logits.width));
  std::vector<double> scores, p;
  scores.reserve(problem.unlabeled.size());
  for (int64_t item : problem.unlabeled) {
    p.assign(logits[item].begin(), logits[item].end());
    std::sort(p.rbegin(), p.rend());
    const double largest = p.front();
    double total = 0;
    for (double& v : p) total += v = std::exp(v - largest);
    for (double& v : p) v /= total;
    scores.push_back(measure(p));
  }
  return best_items(problem, config, std::move(scores));
}

}  // namespace crc::select
