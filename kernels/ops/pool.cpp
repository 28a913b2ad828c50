#include "kernels/ops/pool.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void global_avg_pool(Cpu& cpu, View<float, 2> y, View<const float, 4> x) {
  check_shape("global_avg_pool", y, {x.shape[0], x.shape[3]});
  if (pools_in_groups(x))
    for_each(cpu, y.size() / kPoolWidth<float>, GlobalAvgPool<float, kPoolWidth<float>>{y, x});
  else
    for_each(cpu, y.size(), GlobalAvgPool<float, 1>{y, x});
}

void global_avg_pool_backward(Cpu& cpu, View<float, 4> dx, View<const float, 2> dy) {
  check_shape("global_avg_pool_backward", dy, {dx.shape[0], dx.shape[3]});
  if (pools_in_groups(dx))
    for_each(cpu, dx.size() / kPoolWidth<float>, GlobalAvgPoolBackward<float, kPoolWidth<float>>{dx, dy});
  else
    for_each(cpu, dx.size(), GlobalAvgPoolBackward<float, 1>{dx, dy});
}

}  // namespace crc
