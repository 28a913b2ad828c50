#include "kernels/cuda/cuda.h"
#include "kernels/ops/tf32x3.h"

namespace crc {

void conv2d_tf32x3(Cuda& cuda, View<float, 4> y, View<const float, 4> x, View<const float, 4> w, Conv2dConfig config) {
  conv2d_tf32x3_on(cuda, y, x, w, config);
}
void gemm_tf32x3(Cuda& cuda, View<float, 2> c, View<const float, 2> a, View<const float, 2> b, GemmConfig config) {
  gemm_tf32x3_on(cuda, c, a, b, config);
}
void gemm_batched_tf32x3(Cuda& cuda, View<float, 4> c, View<const float, 4> a, View<const float, 4> b,
                         GemmConfig config) {
  gemm_batched_tf32x3_on(cuda, c, a, b, config);
}

}  // namespace crc
