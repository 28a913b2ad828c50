#include "kernels/ops/min_distance.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void min_distance(Cpu& cpu, View<double, 1> nearest, View<const float, 2> x, View<const float, 1> center) {
  check_shape("min_distance", nearest, {x.shape[0]});
  check_shape("min_distance", center, {x.shape[1]});
  const MinDistance step{nearest.data, x.data, center.data, x.shape[1]};
  constexpr int64_t kGrain = 256;  // rows of hundreds of features
  for_chunks(cpu, nearest.size(), kGrain, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) step(i);
  });
}

}  // namespace crc
