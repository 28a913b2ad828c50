#include "kernels/cuda/launch.cuh"
#include "kernels/ops/pairwise_within.h"

namespace crc {

void pairwise_within(Cuda& cuda, View<int64_t, 2> bits, PairedRows a, double radius) {
  check_within(bits, a, radius);
  const Arena::Frame frame(cuda.scratch());
  const double* squared = a.squared.data;
  if (a.squared.size() == 0) {
    const auto norms = cuda.scratch().take<double>({a.x.shape[0]}, "squared norms");
    pairwise_norms(cuda, norms, a.x);
    squared = norms.data;
  }
  const int64_t words = bits.shape[1];
  for_each(cuda, "pairwise_within", bits.size(),
           WordWithin{bits.data, a.x.data, squared, a.x.shape[0], a.x.shape[1], words,
                      pair_scale({Measure::top_hat, radius})});
}

}  // namespace crc
