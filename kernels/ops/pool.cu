#include "kernels/cuda/launch.cuh"
#include "kernels/ops/pool.h"

namespace crc {
namespace {

template <class T> void forward(Cuda& cuda, View<float, 2> y, View<const T, 4> x) {
  check_shape("global_avg_pool", y, {x.shape[0], x.shape[3]});
  constexpr int kWidth = kPoolWidth<T>;
  if (pools_in_groups(x))
    for_each(cuda, "global_avg_pool", y.size() / kWidth, GlobalAvgPool<T, kWidth>{y, x});
  else
    for_each(cuda, "global_avg_pool", y.size(), GlobalAvgPool<T, 1>{y, x});
}

template <class T> void backward(Cuda& cuda, View<T, 4> dx, View<const float, 2> dy) {
  check_shape("global_avg_pool_backward", dy, {dx.shape[0], dx.shape[3]});
  constexpr int kWidth = kPoolWidth<T>;
  if (pools_in_groups(dx))
    for_each(cuda, "global_avg_pool_backward", dx.size() / kWidth, GlobalAvgPoolBackward<T, kWidth>{dx, dy});
  else
    for_each(cuda, "global_avg_pool_backward", dx.size(), GlobalAvgPoolBackward<T, 1>{dx, dy});
}

}  // namespace

void global_avg_pool(Cuda& cuda, View<float, 2> y, View<const float, 4> x) { forward(cuda, y, x); }
void global_avg_pool(Cuda& cuda, View<float, 2> y, View<const bf16, 4> x) { forward(cuda, y, x); }
void global_avg_pool_backward(Cuda& cuda, View<float, 4> dx, View<const float, 2> dy) { backward(cuda, dx, dy); }
void global_avg_pool_backward(Cuda& cuda, View<bf16, 4> dx, View<const float, 2> dy) { backward(cuda, dx, dy); }

}  // namespace crc
