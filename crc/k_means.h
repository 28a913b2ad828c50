// k-means (Lloyd 1982) from the centres of one k-means++ (Arthur & Vassilvitskii 2007), without restarts: the same
// clusters for (seed, round) on every device and for any number of threads. Distances are sums in a fixed order, to the
// drawn centres by kernels/ops/min_distance.h and to all by kernels/ops/pairwise_tile.h; an item belongs to the nearest
// centre, of equally near ones to the first; means are summed in fp64 in the order of the items and rounded to fp32. A
// cluster that loses all its items takes the item farthest from its centre. Ends when no item moves, when the centres'
// squared shifts sum to at most 1e-4 of the mean variance of a feature (as scikit-learn's), or after 100 rounds. Fewer
// than k centres where fewer rows differ. On the CPU pairs that surely decide nothing are left out (crc/byte_rows.h,
// crc/nearest_centers.h), with the same bits.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "crc/pool_blocks.h"
#include "crc/progress.h"
#include "kernels/core/random.h"
#include "kernels/core/tensor.h"

namespace crc::select {

struct Clusters {
  int64_t count = 0;                                  // k, or how many different rows there are
  std::vector<int64_t> of;                            // [M] cluster of each row
  std::vector<double> distances;                      // [M] squared, to the centre
  std::vector<std::vector<int64_t>> members() const;  // of each cluster, ascending
};

// rows [M,D], M >= 1, k >= 1.
Clusters k_means(Context& context, View<const float, 2> rows, int64_t k, uint32_t seed, int64_t round,
                 const Progress& progress = {});

// Of the rows of a pool that several processes may hold, in the order of their items: the same clusters, in every one.
// Every drawn centre and every round take two sums that go from process to process. Seed, round and progress are those
// of `config`, which keeps centres and rounds as those `of` something (crc/checkpoint.h). Collective.
Clusters k_means(Context& context, const PoolBlocks& pool, int64_t k, const Config& config, const std::string& of);

// A place drawn with probability proportional to weights; -1 if all weights are 0.
int64_t draw_place(std::span<const double> weights, Draws& draws);
// The same where processes hold the weights one after the other, this one from number `first` on. Collective.
int64_t draw_place(Ranks& ranks, int64_t first, std::span<const double> weights, Draws& draws);

}  // namespace crc::select
