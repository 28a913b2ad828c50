#include "kernels/ops/propagate.h"

#include <vector>

#include "kernels/cpu/for_each.h"

namespace crc {

// Row by row, all classes side by side: an edge's row of x lies in one place.
void propagate(Cpu& cpu, View<double, 2> next, View<const double, 2> x, View<const int64_t, 1> begin,
               View<const int64_t, 1> columns, View<const double, 1> weights, View<const double, 2> a,
               View<const double, 2> b, PropagateConfig config) {
  const PropagateEntry entry{next, x, begin, columns, weights, a, b, config};
  entry.check();
  constexpr int64_t kGrain = 256;  // rows of some dozens of edges
  const int64_t classes = next.shape[1];
  for_chunks(cpu, next.shape[0], kGrain, [&](int64_t, int64_t first, int64_t end) {
    std::vector<double> sums(static_cast<size_t>(classes));
    double* sum = sums.data();
    for (int64_t i = first; i < end; ++i) {
      std::fill_n(sum, classes, 0.0);
      for (int64_t e = begin[i]; e < begin[i + 1]; ++e) {
        const double weight = weights[e];
        const double* from = x.data + columns[e] * classes;
#pragma omp simd
        for (int64_t c = 0; c < classes; ++c) sum[c] += weight * from[c];
      }
      for (int64_t c = 0; c < classes; ++c) next[i * classes + c] = entry.joined(i * classes + c, sum[c]);
    }
  });
}

}  // namespace crc
