// What a long acquisition will take, said before it starts: time from a tile of pairs that is measured first.
#pragma once

#include "crc/pool_blocks.h"
#include "kernels/ops/pairwise_tile.h"

namespace crc::select {

// The work ahead: so many pairs of rows; `copies` of the pool's rows in memory beside the features themselves and
// beside the pool's own.
struct Work {
  double pairs;
  const char* of;  // what they are, for whoever reads it: "pairs for the first gains"
  double copies = 0;
};

// Pairs that a pass over all of them measures (PoolPairs::square_gains).
double square_pairs(const PoolBlocks& pool);

// Nothing where that is little: below some seconds, by what the tile took. Processes do equal parts of it. Pairing of
// Measure::squared: pairwise_least does them, else pairwise_gain.
void say_estimate(Context& context, const PoolBlocks& pool, const Config& config, Pairing pairing, const Work& work);

// The same of work that shows its own pace: `seconds` for the first `done` of `total` things `of` some kind, by all
// processes together, with what crosses between them. Nothing where it is little.
void say_pace(const Config& config, double seconds, int64_t done, int64_t total, const std::string& of, int processes);

}  // namespace crc::select
