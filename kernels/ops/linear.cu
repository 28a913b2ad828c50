#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/ops/linear.h"

namespace crc {
namespace {

constexpr int kBiasThreads = 256;

// One block per class: batches are a thousand rows, classes are few.
__global__ void bias_gradient(float* dbias, const float* dy, int64_t rows, int64_t classes) {
  double total = 0;
  for (int64_t n = threadIdx.x; n < rows; n += kBiasThreads) total += dy[n * classes + blockIdx.x];
  total = block_reduce<kBiasThreads>(total, Sum{}, 0.0);
  if (threadIdx.x == 0) dbias[blockIdx.x] += float(total);
}

}  // namespace

void linear(Cuda& cuda, View<float, 2> y, View<const float, 2> x, View<const float, 2> w, View<const float, 1> bias) {
  linear_product(cuda, y, x, w, bias);
  for_each(cuda, "linear", y.size(), AddLinearBias{y.data, bias.data, bias.size()});
}

void linear_backward(Cuda& cuda, View<float, 2> dx, View<float, 2> dw, View<float, 1> dbias, View<const float, 2> dy,
                     View<const float, 2> x, View<const float, 2> w) {
  linear_backward_products(cuda, dx, dw, dbias, dy, x, w);
  launch(cuda, "linear_backward", bias_gradient,
         {.blocks = dim3(unsigned(dbias.size())), .threads = dim3(kBiasThreads)}, dbias.data, dy.data, dy.shape[0],
         dy.shape[1]);
}

}  // namespace crc
