#include "kernels/ops/add.h"

#include "kernels/cpu/map.h"

namespace crc {

void add(Cpu& cpu, View<float, 1> out, View<const float, 1> a, View<const float, 1> b) {
  check_shape("add", a, {out.size()});
  check_shape("add", b, {out.size()});
  map(cpu, out, Add{}, a, b);
}

}  // namespace crc
