#include "kernels/ops/pool.h"

#include "kernels/cpu/for_each.h"

namespace crc {
namespace {
constexpr int kWidth = 8;  // one AVX register
}

void global_avg_pool(Cpu& cpu, View<float, 2> y, View<const float, 4> x) {
  check_shape("global_avg_pool", y, {x.shape[0], x.shape[3]});
  if (x.shape[3] % kWidth == 0)
    for_each(cpu, y.size() / kWidth, GlobalAvgPool<float, kWidth>{y, x});
  else
    for_each(cpu, y.size(), GlobalAvgPool<float, 1>{y, x});
}

void global_avg_pool_backward(Cpu& cpu, View<float, 4> dx, View<const float, 2> dy) {
  check_shape("global_avg_pool_backward", dy, {dx.shape[0], dx.shape[3]});
  if (dx.shape[3] % kWidth == 0)
    for_each(cpu, dx.size() / kWidth, GlobalAvgPoolBackward<float, kWidth>{dx, dy});
  else
    for_each(cpu, dx.size(), GlobalAvgPoolBackward<float, 1>{dx, dy});
}

}  // namespace crc
