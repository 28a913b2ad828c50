#include "kernels/cuda/launch.cuh"
#include "kernels/ops/unfold.h"

namespace crc {
namespace {

template <class T> void unfold_all(Cuda& cuda, View<T, 2> columns, View<const T, 4> x, UnfoldConfig config) {
  const auto step = unfold_step(columns, x, config);
  const int64_t taps = columns.shape[0] * config.kernel * config.kernel;
  for_each(cuda, "unfold", taps, step);
}
template <class T> void fold_all(Cuda& cuda, View<T, 4> dx, View<const T, 2> columns, UnfoldConfig config) {
  const auto step = fold_step(dx, columns, config);
  const int64_t pixels = dx.shape[0] * dx.shape[1] * dx.shape[2];
  for_each(cuda, "fold", pixels, step);
}

}  // namespace

void unfold(Cuda& cuda, View<float, 2> columns, View<const float, 4> x, UnfoldConfig config) {
  unfold_all(cuda, columns, x, config);
}
void unfold(Cuda& cuda, View<double, 2> columns, View<const double, 4> x, UnfoldConfig config) {
  unfold_all(cuda, columns, x, config);
}
void fold(Cuda& cuda, View<float, 4> dx, View<const float, 2> columns, UnfoldConfig config) {
  fold_all(cuda, dx, columns, config);
}
void fold(Cuda& cuda, View<double, 4> dx, View<const double, 2> columns, UnfoldConfig config) {
  fold_all(cuda, dx, columns, config);
}

}  // namespace crc
