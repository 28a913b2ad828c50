// MaxHerding (Bae et al. 2024, BorealisAI/uherding): greedy generalised coverage of the pool, features of unit length,
//   argmax_x sum_j max(0, k(x_j, x) - max_{s in L and S} k(x_j, s)),   k(x, y) = exp(-|x - y|^2 / h^2),
// h = 1 as the authors have it, or config.radius. All items are candidates; theirs stops at 35,000.
#include "crc/coverage.h"

namespace crc::select {

Selection select_maxherding(Context& context, const Problem& problem, const Config& config) {
  const PoolBlocks pool(context, problem, config, {.scaling = Scaling::unit, .chunks = true});
  const double h = config.radius > 0 ? config.radius : 1;
  return greedy_coverage(context, pool, problem, config, {Measure::rbf, h},
                         std::vector<double>(pool.index().items.size(), 1.0));
}

}  // namespace crc::select
