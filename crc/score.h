// The score of a candidate group g: C times the smallest eigenvalue of the last-layer NTK over L and g, by structural
// rank. With v [n,r] the coordinates of L and g (crc/ntk_last.h) and n = |L|+G:
//   n <= r: the smallest eigenvalue of the Gram matrix v v^T [n,n];
//   n >  r: the smallest of its dual v^T v [r,r], which has the same nonzero eigenvalues;
// and one below max(n,r) 2^-52 lambda_max is rounding: it counts as zero and stays zero. Never a sign test: dropping
// zeros below the structural rank would prefer copies (docs/scoring.md). In fp64 on every device.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "crc/ntk_last.h"
#include "crc/search.h"

namespace crc::select {

// What a solver sees of the pool; lists ascending.
struct ScoredPool {
  const HostRows& features;
  const LastLayerNtk& ntk;
  std::span<const int64_t> labeled, unlabeled;
};

struct Solver {
  const char* name;
  const char* description;
  // The eigenvalue of every group, without the factor C. Errors: numerical.
  std::vector<double> (*smallest)(Context&, const ScoredPool&, const Groups&);
};

// The first is the definition that the others must agree with.
std::span<const Solver> solvers();
const Solver& find_solver(const std::string& name);  // Error config: unknown

// Matrices of groups are made and solved in batches of at most this many bytes: hundreds of 129 x 129 matrices, enough
// to fill a GPU, and small beside a pool.
inline constexpr int64_t kBatchBytes = 64ll << 20;

}  // namespace crc::select
