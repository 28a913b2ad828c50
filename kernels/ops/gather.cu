#include "kernels/cuda/rows.cuh"
#include "kernels/ops/gather.h"

namespace crc {
namespace {

template <class T> void gather(Cuda& cuda, View<T, 2> out, View<const T, 2> in, View<const int64_t, 1> rows) {
  const GatherRows<T> copy{out, in, rows};
  copy.check();
  for_each_row(cuda, "gather_rows", rows.size(), copy);
}

}  // namespace

void gather_rows(Cuda& cuda, View<float, 2> out, View<const float, 2> in, View<const int64_t, 1> rows) {
  gather(cuda, out, in, rows);
}
void gather_rows(Cuda& cuda, View<double, 2> out, View<const double, 2> in, View<const int64_t, 1> rows) {
  gather(cuda, out, in, rows);
}
void gather_rows(Cuda& cuda, View<int32_t, 1> out, View<const int32_t, 1> in, View<const int64_t, 1> rows) {
  gather(cuda, column(out), column(in), rows);
}

}  // namespace crc
