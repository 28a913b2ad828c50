// All eigenvalues of symmetric matrices, ascending, fp64: w[b,:] = eig(a[b]); a is destroyed.
// a [B,n,n] (only the lower triangle in row-major terms is read), w [B,n]. Class: library (LAPACK dsyevd, cuSOLVER
// Dsyevd: the definition that faster solvers are measured against). Error numerical where the solver does not converge
// or an entry is not finite. Not capturable in a graph (it reads the solver's info).
#pragma once

#include "kernels/core/op.h"

namespace crc {

CRC_OP(void, eigvals, (View<double, 2> w, View<double, 3> a))

}  // namespace crc
