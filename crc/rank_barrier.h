// The rank-barrier experiment: what "the smallest positive eigenvalue", read literally and in fp32, says of candidate
// groups once |L| + G nears the rank of the kernel, beside the exact score (docs/scoring.md).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/core/context.h"

namespace crc::select {

// Spearman's rank correlation; equal values share their average rank. NaN where one side is constant.
double spearman(std::span<const double> a, std::span<const double> b);

// [n,128] for those who have no features at hand: ten class means and, within classes, directions that fall by e^6, as
// those of a trained network about do.
std::vector<float> synthetic_features(int64_t n, uint32_t seed);
inline constexpr int64_t kSyntheticWidth = 128;

struct BarrierConfig {
  int64_t group = 5, groups = 150;  // G and how many are ranked
  std::vector<int64_t> labeled{25, 50, 75, 100, 110, 120, 124, 130, 140, 160, 200, 300, 400};
  uint32_t seed = 0;
};

// One size of L. "Renumbered": the same groups after the items were numbered anew, which should change nothing.
struct BarrierPoint {
  int64_t labeled = 0;
  double against_exact = 0;     // fp32-positive against the exact score
  double against_itself = 0;    // fp32-positive against itself, renumbered
  double exact_itself = 0;      // the exact score against itself, renumbered
  int64_t same_best = 0;        // of the ten best groups, by fp32-positive and by the exact score
  int64_t same_best_again = 0;  // by fp32-positive before and after
};

struct Barrier {
  int64_t rank = 0, group = 0, groups = 0;
  std::vector<BarrierPoint> points;  // by ascending |L|
};

// features [N,D] on the context's device. Smaller labelled sets are parts of larger ones. Error: config (sizes below 1,
// fewer than three groups, too few items for the largest L and one group), numerical (features that are not finite).
Barrier rank_barrier(Context& context, View<const float, 2> features, const BarrierConfig& config);

}  // namespace crc::select
