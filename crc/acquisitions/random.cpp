// Uniform without replacement: every item draws a number by (seed, round, item id); the largest are picked.
#include "kernels/core/random.h"

#include "crc/acquisition.h"

namespace crc::select {

Selection select_random(Context&, const Problem& problem, const Config& config) {
  std::vector<double> scores;
  for (int64_t item : problem.unlabeled) {
    Draws draws(config.seed, Purpose::acquisition, item, config.round);
    const double high = draws.bits(), low = draws.bits() >> 11;  // 53 bits: ties are out of the question
    scores.push_back(high * 0x1p-32 + low * 0x1p-53);
  }
  return best_items(problem, config, std::move(scores));
}

}  // namespace crc::select
