#include "kernels/cuda/launch.cuh"
#include "kernels/ops/propagate.h"

namespace crc {

void propagate(Cuda& cuda, View<double, 2> next, View<const double, 2> x, View<const int64_t, 1> begin,
               View<const int64_t, 1> columns, View<const double, 1> weights, View<const double, 2> a,
               View<const double, 2> b, PropagateConfig config) {
  const PropagateEntry entry{next, x, begin, columns, weights, a, b, config};
  entry.check();
  for_each(cuda, "propagate", next.size(), entry);
}

}  // namespace crc
