#include "kernels/cuda/launch.cuh"
#include "kernels/ops/gram_accumulate.h"

namespace crc {

void gram_accumulate(Cuda& cuda, View<double, 3> k, View<const float, 3> a, View<const float, 3> c) {
  accumulate_gram(cuda, k, a, c, kCudaGramPanel,
                  [&](const WidenPanel& step, int64_t n) { for_each(cuda, "gram_accumulate", n, step); });
}

}  // namespace crc
