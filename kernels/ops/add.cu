#include "kernels/cuda/map.cuh"
#include "kernels/ops/add.h"

namespace crc {
namespace {

template <class T> void run(Cuda& cuda, View<T, 1> out, View<const T, 1> a, View<const T, 1> b) {
  check_shape("add", a, {out.size()});
  check_shape("add", b, {out.size()});
  map(cuda, "add", out, Add{}, a, b);
}

}  // namespace

void add(Cuda& cuda, View<float, 1> out, View<const float, 1> a, View<const float, 1> b) { run(cuda, out, a, b); }
void add(Cuda& cuda, View<bf16, 1> out, View<const bf16, 1> a, View<const bf16, 1> b) { run(cuda, out, a, b); }

}  // namespace crc
