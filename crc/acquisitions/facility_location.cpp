// Facility location (Wei, Iyer & Bilmes 2015 for active learning): greedy maximum of
//   sum_j max_{s in L and S} (1 + cos(x_j, x_s)) / 2
// over the pool; a row of zeros is at 1/2 of everything.
#include "crc/coverage.h"

namespace crc::select {

Selection select_facility_location(Context& context, const Problem& problem, const Config& config) {
  const PoolBlocks pool(context, problem, config, {.scaling = Scaling::none, .chunks = true});
  return greedy_coverage(context, pool, problem, config, {Measure::similarity},
                         std::vector<double>(pool.index().items.size(), 1.0));
}

}  // namespace crc::select
