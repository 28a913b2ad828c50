#include "kernels/cuda/launch.cuh"
#include "kernels/ops/draw_groups.h"

namespace crc {

void draw_groups(Cuda& cuda, View<int64_t, 2> members, View<const int64_t, 1> pool, DrawGroupsConfig config) {
  for_each(cuda, "draw_groups", members.shape[0],
           DrawGroups{members.data, pool.data, members.shape[1], pool.size(), config.first, config.seed, config.round});
}

}  // namespace crc
