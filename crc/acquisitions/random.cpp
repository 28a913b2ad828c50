// Uniform without replacement: every item draws a number by (seed, round, item id); the largest are picked.
#include "crc/acquisition.h"
#include "crc/ties.h"

namespace crc::select {

Selection select_random(Context&, const Problem& problem, const Config& config) {
  std::vector<double> scores;
  const Ties ties(config.seed, config.round);
  for (int64_t item : problem.unlabeled) scores.push_back(ties.draw(item));
  return best_items(problem, config, std::move(scores));
}

}  // namespace crc::select
