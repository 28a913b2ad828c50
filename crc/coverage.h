// Greedy coverage: the items S of the pool that maximise
//   sum_j weights[j] max_{s in L and S} m(x_j, x_s)
// over all items j of the pool, labelled or not, picked one by one by their gains (Nemhauser, Wolsey & Fisher 1978: at
// least 1 - 1/e of the optimum). The kernel m decides what it is: the top-hat ProbCover, a Gaussian MaxHerding, a
// similarity facility location. A gain never grows, rounding included (kernels/ops/pairwise_tile.h), so that one of
// earlier is a bound: an item is looked at again only when its bound is the largest (lazy greedy, Minoux 1978), with
// exactly the picks of the plain algorithm. Time: one pass over all pairs, and a few thousand rows against the pool;
// memory: numbers per item, in every process where several hold the pool. Copies gain exactly 0; when all gains are 0 the
// rest is drawn.
#pragma once

#include "crc/pool_pairs.h"

namespace crc::select {

// config.partitions > 1: RandGreeDi (Barbosa et al. 2015), for pools of which one pass over all pairs is too much. The
// unlabelled items are cut at random into so many parts, each is picked from by itself, as its own pool; what the parts
// picked is picked from again, greedily against the whole pool; the better of that and the best part's picks stays: at
// least (1 - 1/e) / 2 of the optimum, in expectation, where a part's coverage stands for the pool's (Mirzasoleiman et
// al. 2013, decomposable sums; Boether et al. 2025 for selection from large pools). Scores are gains within parts.
// weights [M] of the pool's items, not negative; problem.weights multiply them. `pool` in chunks (BlocksOf).
Selection greedy_coverage(Context& context, const PoolBlocks& pool, const Problem& problem, const Config& config,
                          Pairing pairing, std::vector<double> weights);

}  // namespace crc::select
