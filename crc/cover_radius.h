// The radius of ProbCover's paper (Yehuda et al. 2022), by purity: with k-means clusters as labels, one for each class, a
// ball is pure if all its items share its label, and
//   delta = max{delta : at least 95 % of the balls around the pool's items are pure}.
// With r_i the distance of item i to the nearest item of another cluster its ball is pure up to r_i, so that delta is
// the largest of those that at least 95 % of all r_i reach: exact, where the authors search a grid.
#pragma once

#include "crc/pool_blocks.h"

namespace crc::select {

// config.radius, or that of open balls around the rows. Error config: less than two classes.
double cover_radius(Context& context, const PoolBlocks& pool, const Problem& problem, const Config& config);

}  // namespace crc::select
