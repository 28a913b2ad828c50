#include "kernels/cuda/cublas.h"
#include "kernels/ops/gemm.h"

namespace crc {
namespace {

template <class T>
void multiply(Cuda& cuda, View<T, 2> c, View<const T, 2> a, View<const T, 2> b, const GemmConfig& config) {
  const int64_t k = check_gemm(c, a, b, config);
  if (c.size() == 0) return;
  cublas_gemm(cuda, {config.transpose_a, config.transpose_b, c.shape[0], c.shape[1], k}, config.alpha, a.data, b.data,
              config.beta, c.data);
}

// One strided batch over i for every r: cuBLAS has one stride per matrix.
template <class T>
void multiply_batched(Cuda& cuda, View<T, 4> c, View<const T, 4> a, View<const T, 4> b, const GemmConfig& config) {
  const int64_t m = c.shape[2], n = c.shape[3], k = check_gemm_batched(c, a, b, config);
  if (c.size() == 0) return;
  const int64_t repeats = c.shape[1], b_repeats = b.shape[1];
  for (int64_t r = 0; r < repeats; ++r)
    cublas_gemm_batched(cuda, {config.transpose_a, config.transpose_b, m, n, k},
                        {c.shape[0], repeats * m * k, b_repeats * k * n, repeats * m * n}, config.alpha,
                        a.data + r * m * k, b.data + (b_repeats == 1 ? 0 : r * k * n), config.beta, c.data + r * m * n);
}

}  // namespace

void gemm(Cuda& cuda, View<float, 2> c, View<const float, 2> a, View<const float, 2> b, GemmConfig config) {
  multiply(cuda, c, a, b, config);
}
void gemm(Cuda& cuda, View<double, 2> c, View<const double, 2> a, View<const double, 2> b, GemmConfig config) {
  multiply(cuda, c, a, b, config);
}
void gemm(Cuda& cuda, View<bf16, 2> c, View<const bf16, 2> a, View<const bf16, 2> b, GemmConfig config) {
  multiply(cuda, c, a, b, config);
}
void gemm_batched(Cuda& cuda, View<float, 4> c, View<const float, 4> a, View<const float, 4> b, GemmConfig config) {
  multiply_batched(cuda, c, a, b, config);
}
void gemm_batched(Cuda& cuda, View<double, 4> c, View<const double, 4> a, View<const double, 4> b, GemmConfig config) {
  multiply_batched(cuda, c, a, b, config);
}

}  // namespace crc
