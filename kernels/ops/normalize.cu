#include "kernels/cuda/launch.cuh"
#include "kernels/ops/normalize.h"

namespace crc {
namespace {

template <class T>
void run(Cuda& cuda, View<T, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids, NormalizeConfig config) {
  check_normalize(y, images, ids);
  for_each(cuda, "normalize", y.size(), NormalizeElement<T>{y, images, ids, config});
}

}  // namespace

void normalize(Cuda& cuda, View<float, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
               NormalizeConfig config) {
  run(cuda, y, images, ids, config);
}
void normalize(Cuda& cuda, View<bf16, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
               NormalizeConfig config) {
  run(cuda, y, images, ids, config);
}

}  // namespace crc
