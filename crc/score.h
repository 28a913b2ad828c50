// The score of a candidate group g: C times the smallest eigenvalue of the last-layer NTK over L and g, by structural
// rank. With v [n,r] the coordinates of L and g (crc/ntk_last.h) and n = |L|+G it is, counted from the largest,
// eigenvalue number min(rank(L) + G, r) (crc/labeled_rank.h)
//   n <= r: of the Gram matrix v v^T [n,n];
//   n >  r: of its dual v^T v [r,r], which has the same nonzero eigenvalues.
// One below max(n,r) 2^-52 (lambda_max(L) + sum over g of |v|^2), which is at least that multiple of lambda_max (Weyl),
// is rounding: the singular values of v decide (crc/row_scores.h), and what is rounding there too is zero and stays
// zero. Never a sign test: dropping zeros below the structural rank would prefer copies (docs/scoring.md). In fp64 on
// every device.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "crc/ntk_last.h"

namespace crc::select {

// The smallest eigenvalue of every group of candidates, without the factor C. positions [K,G]: places in the list of
// unlabelled items, on the device.
using Scorer = std::function<std::vector<double>(View<const int64_t, 2> positions)>;

struct Solver {
  const char* name;
  const char* description;
  // For one labelled set; lists ascending. What groups have in common is computed here. Errors: numerical.
  Scorer (*make)(Context&, const LastLayerNtk&, std::span<const int64_t> labeled, std::span<const int64_t> unlabeled);
};

// The first is the default, the last but one (syevd) the definition that the others must agree with, the last one an
// emulation for ablations only.
std::span<const Solver> solvers();
const Solver& find_solver(const std::string& name);  // Error config: unknown

// The score of all picks as one group, by the definition, its noise floor, and the rank of the labelled set; without
// the factor C.
struct Achieved {
  double value, noise_floor;
  int64_t labeled_rank;
};
Achieved smallest_eigenvalue(Context& context, const LastLayerNtk& ntk, std::span<const int64_t> labeled,
                             std::span<const int64_t> picks);

// Matrices of groups are made and solved in batches of at most this many bytes: hundreds of 129 x 129 matrices, enough
// to fill a GPU, and small beside a pool.
inline constexpr int64_t kBatchBytes = 64ll << 20;

}  // namespace crc::select
