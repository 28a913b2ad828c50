// ProbCover (Yehuda et al. 2022, avihu111/TypiClust): greedy maximum of the number of items within the open balls of
// radius delta around labelled and picked ones, features of unit length. delta is config.radius or found by the paper's
// purity rule (crc/cover_radius.h).
#include "crc/cover_radius.h"
#include "crc/coverage.h"

namespace crc::select {

Selection select_probcover(Context& context, const Problem& problem, const Config& config) {
  const PoolBlocks pool(context, problem, config, {.scaling = Scaling::unit, .chunks = true});
  return greedy_coverage(context, pool, problem, config,
                         {Measure::top_hat, cover_radius(context, pool, problem, config)},
                         std::vector<double>(pool.index().items.size(), 1.0));
}

}  // namespace crc::select
