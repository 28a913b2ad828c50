// How many dimensions a labelled set spans, and the place of a group's score that follows: equal labelled items, and
// labelled items that depend on others, give the kernel zeros that no group can take away, so that they are not the
// group's fault. The score stands at place min(rank(L) + G, rank of the pool), counted from the largest eigenvalue;
// what the group itself repeats still brings it to 0 (docs/scoring.md).
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace crc::select {

struct LabeledRank {
  int64_t most = 0;        // rank of the pool, or of the kernel at most
  int64_t rank = 0;        // eigenvalues of L above the rounding of the largest
  double top = 0;          // the largest eigenvalue of L
  double dropped = 0;      // the largest that does not count, though L has rows for it; 0 if there is none
  bool deficient = false;  // rank < min(|L|, most)

  LabeledRank() = default;
  // lambda: the eigenvalues of L, ascending, of its Gram matrix or of its dual [most]; noise: of the largest, below
  // which an eigenvalue is rounding.
  LabeledRank(std::span<const double> lambda, int64_t labeled, int64_t most_, double noise) : most(most_) {
    if (labeled == 0) return;
    top = lambda.back();
    const int64_t count = int64_t(lambda.size()), own = std::min({labeled, most, count});
    while (rank < own && lambda[count - 1 - rank] > noise * top) ++rank;
    deficient = rank < own;
    if (deficient) dropped = std::max(0.0, lambda[count - 1 - rank]);
  }

  int64_t place(int64_t group) const { return std::min(rank + group, most); }
  // What copies of labelled items can score by eigenvalues of L that do not count: they raise each by the factor 1+G at
  // most, as A_g^T A_g <= G A_L^T A_L. Inner products cannot tell it from a score. Beyond the pool's rank nothing is
  // left out.
  double leak(int64_t group) const { return rank + group <= most ? double(1 + group) * dropped : 0; }
};

}  // namespace crc::select
