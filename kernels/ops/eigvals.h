// All eigenvalues of symmetric matrices, ascending: w[b,:] = eig(a[b]); a is destroyed.
// a [B,n,n] (only the lower triangle in row-major terms is read), w [B,n]. Class: library (LAPACK xsyevd, cuSOLVER
// xsyevd: the definition that faster solvers are measured against). The same bits for any number of threads. Error
// numerical where the solver does not converge or an entry is not finite. Not capturable in a graph (it reads the
// solver's info). fp64 is for scores; fp32 only shows what fp32 does to them.
// eigvals_batched: the same by a solver made for many small matrices at once (cuSOLVER XsyevBatched); on the CPU, where
// matrices are shared out among threads anyway, it is eigvals.
// eigvecs: also the vectors, of one matrix: row i of a [n,n] becomes the unit eigenvector of w[i], w [n]. On the CPU
// it runs on one thread. Its last bits are the library's own: what must be the same on every device is decomposed on
// the host.
#pragma once

#include "kernels/core/op.h"

namespace crc {

CRC_OP(void, eigvals, (View<double, 2> w, View<double, 3> a))
CRC_OP(void, eigvals, (View<float, 2> w, View<float, 3> a))
CRC_OP(void, eigvals_batched, (View<double, 2> w, View<double, 3> a))
CRC_OP(void, eigvecs, (View<double, 1> w, View<double, 2> a))

// What both backends report of a matrix that has an entry NaN or infinite.
inline constexpr int kEigvalsNotFinite = -1000;
// Throws for the first matrix whose info is not 0.
void check_eigvals_info(const int* info, int64_t batch, int64_t n);

}  // namespace crc
