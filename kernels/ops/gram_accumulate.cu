#include "kernels/cuda/launch.cuh"
#include "kernels/ops/gram_accumulate.h"

namespace crc {
namespace {

struct WidenElement {
  WidenPanel step;
  CRC_HD void operator()(int64_t i) const {
    const int64_t column = i % step.width;
    step(i / step.width, column, column + 1);
  }
};

}  // namespace

void gram_accumulate(Cuda& cuda, View<double, 3> k, View<const float, 3> a, View<const float, 3> c) {
  accumulate_gram(cuda, k, a, c, kCudaGramPanel, [&](const WidenPanel& step, int64_t rows) {
    for_each(cuda, "gram_accumulate", rows * step.width, WidenElement{step});
  });
}

}  // namespace crc
