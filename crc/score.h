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

#include "crc/acquisition.h"
#include "crc/ntk_last.h"

namespace crc::select {

using Items = std::span<const int64_t>;
using Positions = View<const int64_t, 2>;  // [K,G] places in the list of unlabelled items, on the device

// The smallest eigenvalue of every group of candidates, without the factor C.
using Scorer = std::function<std::vector<double>(Positions)>;

// Adding a solver: a file in crc/solvers/ and a line in crc/solvers.def.
enum class SolverTrait : unsigned {
  nothing = 0,
  rows = 1,       // it solves inner products: where it finds 0, the rows have the last word
  jacobians = 2,  // it also takes kernels from Jacobians (crc/ntk_full.h)
};

struct SolverEntry {
  const char* description;
  unsigned traits;
  bool has(SolverTrait trait) const { return traits & unsigned(trait); }
  Scorer (*make)(Context&, const LastLayerNtk&, Items labeled, Items unlabeled);
};
const SolverEntry& solver_entry(Solver solver);

// For one labelled set; lists ascending. What groups have in common is computed here. Errors: numerical.
Scorer make_scorer(Solver solver, Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled);

// As the solver alone has it: in the units of the coordinates, zeros as they come.
#define CRC_SOLVER(name, word, traits, description) \
  Scorer make_##name(Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled);
#include "crc/solvers.def"
#undef CRC_SOLVER

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
