// cuSOLVER's eigenvalues as one plain function on the backend's stream; the library is opened at the first call.
#pragma once

#include "kernels/cuda/cuda.h"

namespace crc {

// w [batch,n] = eigenvalues of a [batch,n,n], ascending; only the lower triangles (row-major) are read, a is destroyed.
// info [batch] on the device: 0 where the solver converged. n >= 1. One xSYEVD after the other.
void cusolver_eigenvalues(Cuda& cuda, int64_t batch, int64_t n, double* a, double* w, int* info);
void cusolver_eigenvalues(Cuda& cuda, int64_t batch, int64_t n, float* a, float* w, int* info);
// Also the eigenvectors: row i of a [n,n] becomes that of w[i]. DSYEVD, job V.
void cusolver_eigenvectors(Cuda& cuda, int64_t n, double* a, double* w, int* info);
// The eigenvalues by one XsyevBatched.
void cusolver_eigenvalues_batched(Cuda& cuda, int64_t batch, int64_t n, double* a, double* w, int* info);

}  // namespace crc
