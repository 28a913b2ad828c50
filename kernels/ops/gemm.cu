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

}  // namespace

void gemm(Cuda& cuda, View<float, 2> c, View<const float, 2> a, View<const float, 2> b, GemmConfig config) {
  multiply(cuda, c, a, b, config);
}
void gemm(Cuda& cuda, View<double, 2> c, View<const double, 2> a, View<const double, 2> b, GemmConfig config) {
  multiply(cuda, c, a, b, config);
}

}  // namespace crc
