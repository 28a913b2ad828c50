#include "kernels/ops/pool.h"

#include "kernels/cpu/for_each.h"

namespace crc {
namespace {

template <class T> void forward(Cpu& cpu, View<float, 2> y, View<const T, 4> x) {
  check_shape("global_avg_pool", y, {x.shape[0], x.shape[3]});
  constexpr int kWidth = kPoolWidth<T>;
  if (pools_in_groups(x))
    for_each(cpu, y.size() / kWidth, GlobalAvgPool<T, kWidth>{y, x});
  else
    for_each(cpu, y.size(), GlobalAvgPool<T, 1>{y, x});
}

template <class T> void backward(Cpu& cpu, View<T, 4> dx, View<const float, 2> dy) {
  check_shape("global_avg_pool_backward", dy, {dx.shape[0], dx.shape[3]});
  constexpr int kWidth = kPoolWidth<T>;
  if (pools_in_groups(dx))
    for_each(cpu, dx.size() / kWidth, GlobalAvgPoolBackward<T, kWidth>{dx, dy});
  else
    for_each(cpu, dx.size(), GlobalAvgPoolBackward<T, 1>{dx, dy});
}

}  // namespace

void global_avg_pool(Cpu& cpu, View<float, 2> y, View<const float, 4> x) { forward(cpu, y, x); }
void global_avg_pool(Cpu& cpu, View<float, 2> y, View<const bf16, 4> x) { forward(cpu, y, x); }
void global_avg_pool_backward(Cpu& cpu, View<float, 4> dx, View<const float, 2> dy) { backward(cpu, dx, dy); }
void global_avg_pool_backward(Cpu& cpu, View<bf16, 4> dx, View<const float, 2> dy) { backward(cpu, dx, dy); }

}  // namespace crc
