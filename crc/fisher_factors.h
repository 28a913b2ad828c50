// The factors A [C,r] of last-layer Fisher information (crc/fisher.h), item by item, on the host.
#pragma once

#include <span>
#include <vector>

#include "crc/pool_rows.h"

namespace crc::select {

inline constexpr int64_t kFirstRows = 48;  // items whose first sums are found together

struct FisherFactors {
  int64_t classes, rank;        // C, r
  std::vector<double> p, root;  // [M,C] probabilities, [M,r] sqrt(q)
  std::vector<int32_t> top;     // [M,r] classes

  // Error as read_logits. rank in [1,C].
  FisherFactors(Context& context, const Problem& problem, const Config& config, const PoolRows& pool, int64_t rank);

  // A^T k A [r,r] of an item and a symmetric k [C,C]; null: of the identity.
  void form(int64_t place, const double* k, double* out) const;
  // out [r,m] = A^T t of t [m,C].
  void project(int64_t place, const double* t, int64_t m, double* out) const;
  // out [m,C] = A w of w [r,m].
  void embed(int64_t place, const double* w, int64_t m, double* out) const;
  // Of unlabelled items [begin,end), at most kFirstRows: g = V^T V and h = V^T F V, [end-begin,r,r].
  void first(const PoolRows& pool, int64_t begin, int64_t end, double* g, double* h) const;
};

}  // namespace crc::select
