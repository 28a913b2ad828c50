// cuBLAS as one plain function: row-major C = alpha op(A) op(B) + beta C on the backend's stream, in the arithmetic of
// its type and no other (fp32 is never emulated, and tf32 only where asked; sums of bf16 are fp32). The library is
// opened and its fixed workspace allocated at the first call, so that later calls allocate nothing and may be captured
// in a graph; make one call before capturing.
#pragma once

#include "kernels/core/dtype.h"
#include "kernels/cuda/cuda.h"

namespace crc {

// Now, instead of at the first call. Error device_unavailable: cuBLAS is missing, or refuses this device.
void open_cublas(Cuda& cuda);

// op(a) [m,k], op(b) [k,n], c [m,n]; all dense, m and n >= 1.
struct CublasShape {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  bool tf32 = false;  // fp32: a and b may be rounded to tf32 for the tensor cores
};

void cublas_gemm(Cuda& cuda, const CublasShape& shape, double alpha, const float* a, const float* b, double beta,
                 float* c);
void cublas_gemm(Cuda& cuda, const CublasShape& shape, double alpha, const double* a, const double* b, double beta,
                 double* c);
void cublas_gemm(Cuda& cuda, const CublasShape& shape, double alpha, const bf16* a, const bf16* b, double beta,
                 bf16* c);

// `count` products; the pointers are the first one's, and move on by these many elements from one to the next.
struct CublasBatch {
  int64_t count, stride_a, stride_b, stride_c;
};
void cublas_gemm_batched(Cuda& cuda, const CublasShape& shape, const CublasBatch& batch, double alpha, const float* a,
                         const float* b, double beta, float* c);
void cublas_gemm_batched(Cuda& cuda, const CublasShape& shape, const CublasBatch& batch, double alpha, const double* a,
                         const double* b, double beta, double* c);

}  // namespace crc
