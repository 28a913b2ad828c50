// Scores that inner products cannot resolve. A Gram matrix holds squares of singular values, so that fp64 rounds away
// what is below about 2^-45 of its largest eigenvalue; the rows themselves still hold it down to about 2^-82. Where a
// solver finds 0, singular values of the rows of L and the group decide, k of L's own being above rounding:
//   k + G <= r: of [Sigma 0; V_+ C], [k+G,k+G], where V_0 = C Q is what the group adds to the span of L. A zero on the
//               diagonal of the triangular C says that it repeats something: the score is 0, without an SVD.
//   beyond:     of [Sigma; V], [k+G,r].
// On the host, in an order of summation of its own: the same bits on every device. O((k+G)^3) per group.
#pragma once

#include <span>
#include <vector>

#include "crc/ntk_last.h"

namespace crc::select {

class RowScores {
 public:
  // `rank` of `labeled`, from inner products, says where the score stands. All must outlive this.
  RowScores(Context& context, const LastLayerNtk& ntk, std::span<const int64_t> labeled, const LabeledRank& rank);

  // Of groups of item ids, members [K*size]; a value that is not above its floor is rounding and 0. In the scale of
  // `ntk`.
  struct Score {
    double value, floor;
  };
  std::vector<Score> operator()(std::span<const int64_t> members, int64_t size);

 private:
  struct Stack;
  Stack shape(int64_t size) const;

  Context& context_;
  Context host_;
  const LastLayerNtk& ntk_;
  int64_t labeled_;
  std::shared_ptr<const LabeledSpectrum> spectrum_;
  LabeledRank rank_;
};

}  // namespace crc::select
