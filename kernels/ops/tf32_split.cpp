#include "kernels/ops/tf32_split.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void tf32_split(Cpu& cpu, View<float, 3> parts, View<const float, 2> x, Factor factor) {
  for_each(cpu, x.size(), tf32_split_step(parts, x, factor));
}

}  // namespace crc
