#include "kernels/ops/add.h"

#include "kernels/cpu/map.h"

namespace crc {
namespace {

template <class T> void run(Cpu& cpu, View<T, 1> out, View<const T, 1> a, View<const T, 1> b) {
  check_shape("add", a, {out.size()});
  check_shape("add", b, {out.size()});
  map(cpu, out, Add{}, a, b);
}

}  // namespace

void add(Cpu& cpu, View<float, 1> out, View<const float, 1> a, View<const float, 1> b) { run(cpu, out, a, b); }
void add(Cpu& cpu, View<bf16, 1> out, View<const bf16, 1> a, View<const bf16, 1> b) { run(cpu, out, a, b); }

}  // namespace crc
