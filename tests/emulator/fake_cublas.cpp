// Matrix products by loops, in double, in place of kernels/cuda/cublas.cpp.
#include "kernels/cuda/cublas.h"
#include "tests/emulator/fake_library.h"

namespace crc {
namespace {

template <class T> double wide(T value, bool tf32 = false) {
  if constexpr (std::is_same_v<T, bf16>)
    return double(float(value));
  else if constexpr (std::is_same_v<T, float>)
    return double(tf32 ? emulator::rounded_to_tf32(value) : value);
  else
    return double(value);
}

template <class T>
void gemm(Cuda& cuda, const CublasShape& shape, double alpha, const T* a, const T* b, double beta, T* c) {
  emulator::PlanCache<1, int>::prepare(cuda, 0);  // the handle and its workspace
  const auto work = [=] {
    const auto [transpose_a, transpose_b, m, n, k, tf32] = shape;
    emulator::device_read(a, size_t(m * k) * sizeof(T));
    emulator::device_read(b, size_t(k * n) * sizeof(T));
    if (beta != 0) emulator::device_read(c, size_t(m * n) * sizeof(T));
    emulator::device_write(c, size_t(m * n) * sizeof(T));
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t l = 0; l < k; ++l)
          sum +=
              wide(a[transpose_a ? l * m + i : i * k + l], tf32) * wide(b[transpose_b ? j * k + l : l * n + j], tf32);
        const double result = alpha * sum + (beta == 0 ? 0 : beta * wide(c[i * n + j]));
        if constexpr (std::is_same_v<T, bf16>)
          c[i * n + j] = bf16(float(result));
        else
          c[i * n + j] = T(result);
      }
  };
  check_cuda(emulator::enqueue(cuda.stream(), work), "emulated cuBLAS");
}

}  // namespace

void open_cublas(Cuda&) {
  if (emulator::lacks("cublas")) fail(ExitCode::device_unavailable, "cuBLAS was not found (emulated)");
}

void cublas_gemm(Cuda& cuda, const CublasShape& shape, double alpha, const float* a, const float* b, double beta,
                 float* c) {
  gemm(cuda, shape, alpha, a, b, beta, c);
}
void cublas_gemm(Cuda& cuda, const CublasShape& shape, double alpha, const double* a, const double* b, double beta,
                 double* c) {
  gemm(cuda, shape, alpha, a, b, beta, c);
}
void cublas_gemm(Cuda& cuda, const CublasShape& shape, double alpha, const bf16* a, const bf16* b, double beta,
                 bf16* c) {
  gemm(cuda, shape, alpha, a, b, beta, c);
}

void cublas_gemm_batched(Cuda& cuda, const CublasShape& shape, const CublasBatch& batch, double alpha, const float* a,
                         const float* b, double beta, float* c) {
  for (int64_t i = 0; i < batch.count; ++i)
    gemm(cuda, shape, alpha, a + i * batch.stride_a, b + i * batch.stride_b, beta, c + i * batch.stride_c);
}
void cublas_gemm_batched(Cuda& cuda, const CublasShape& shape, const CublasBatch& batch, double alpha, const double* a,
                         const double* b, double beta, double* c) {
  for (int64_t i = 0; i < batch.count; ++i)
    gemm(cuda, shape, alpha, a + i * batch.stride_a, b + i * batch.stride_b, beta, c + i * batch.stride_c);
}

}  // namespace crc
