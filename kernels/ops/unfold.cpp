#include "kernels/ops/unfold.h"

#include "kernels/cpu/for_each.h"

namespace crc {
namespace {

template <class T> void unfold_all(Cpu& cpu, View<T, 2> columns, View<const T, 4> x, UnfoldConfig config) {
  const auto step = unfold_step(columns, x, config);
  const int64_t taps = columns.shape[0] * config.kernel * config.kernel;
  for_each(cpu, taps, step);
}
template <class T> void fold_all(Cpu& cpu, View<T, 4> dx, View<const T, 2> columns, UnfoldConfig config) {
  const auto step = fold_step(dx, columns, config);
  const int64_t pixels = dx.shape[0] * dx.shape[1] * dx.shape[2];
  for_each(cpu, pixels, step);
}

}  // namespace

void unfold(Cpu& cpu, View<float, 2> columns, View<const float, 4> x, UnfoldConfig config) {
  unfold_all(cpu, columns, x, config);
}
void unfold(Cpu& cpu, View<double, 2> columns, View<const double, 4> x, UnfoldConfig config) {
  unfold_all(cpu, columns, x, config);
}
void fold(Cpu& cpu, View<float, 4> dx, View<const float, 2> columns, UnfoldConfig config) {
  fold_all(cpu, dx, columns, config);
}
void fold(Cpu& cpu, View<double, 4> dx, View<const double, 2> columns, UnfoldConfig config) {
  fold_all(cpu, dx, columns, config);
}

}  // namespace crc
