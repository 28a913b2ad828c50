// The smallest structural eigenvalue of one fixed symmetric matrix under many low-rank updates: a group of candidates
// changes only G rows, so that counting eigenvalues below s needs the inertia of a G x G matrix, the capacitance matrix
// of Sylvester, Woodbury and Haynsworth, not an eigenproblem of full size (docs/scoring.md derives it).
//
// Group k holds the rows members[k,:] of v. Three problems, by config.update:
//   dual      M = diag(lambda) + V^T V, [r,r]. lambda [r] ascending; v [U,r].
//   primal    K = [[Lambda, B],[B^T, V V^T]] with B = Lambda^1/2 V_+^T: the Gram matrix over L and the group, which has
//             the eigenvalues of M less the zeros that the dual has too many. lambda [m] > 0; v [U,zeros+m], first the
//             coordinates in the null space of the labelled set.
//   bordered  K = [[Lambda, B],[B^T, k_gg[k]]], v [U,m] the rows of B^T; k_gg [K,G,G], lower triangles.
// values [K] the smallest eigenvalue, 0 if it is below the group's noise floor, config.noise (config.top + the trace of
//   the update), an upper bound of noise lambda_max by Weyl's inequality.
// evaluations [K] capacitance matrices that were factored; negative: not certified, the value is to be found otherwise.
// A value is certified when, as evaluated, no eigenvalue is below it by a relative kCertificate or more (a count), and
// one is at most there (a count or a Rayleigh quotient).
// The same bits on every device and for any number of threads. fp64; lambda and v are best scaled to about 1.
#pragma once

#include "kernels/core/op.h"

namespace crc {

enum class Update : int { dual, primal, bordered };

struct CapacitanceConfig {
  Update update = Update::dual;
  int64_t zeros = 0;  // primal: leading columns of v whose eigenvalue is 0
  double noise = 0;   // of the largest eigenvalue: what counts as rounding
  double top = 0;     // largest eigenvalue of the labelled set's matrix
};

inline constexpr double kCertificate = 1e-8;

CRC_OP(void, capacitance,
       (View<double, 1> values, View<int32_t, 1> evaluations, View<const double, 1> lambda, View<const double, 2> v,
        View<const double, 3> k_gg, View<const int64_t, 2> members, CapacitanceConfig config))

// Bytes of memory that the search for one group walks through.
int64_t capacitance_bytes(int64_t group, int64_t columns);
// Beyond this a dense eigensolver is chosen. Not what a device has: the choice decides the last bits of a score, so it
// may depend on the shapes alone. A GPU whose blocks have less shared memory keeps its groups in scratch memory.
inline constexpr int64_t kCapacitanceBytes = 200 << 10;

// Whether groups of this size, over so many columns of v, cost less than dense spectra of edge x edge: from a quarter
// of the edge on, one spectrum costs less than the inertia counts of a group.
inline bool capacitance_pays(int64_t group, int64_t columns, int64_t edge) {
  return (group <= 4 || group <= edge / 4) && capacitance_bytes(group, columns) <= kCapacitanceBytes;
}

}  // namespace crc
