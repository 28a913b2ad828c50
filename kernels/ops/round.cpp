#include "kernels/ops/round.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void round_values(Cpu& cpu, View<bf16, 1> y, View<const float, 1> x) {
  check_shape("round_values", y, {x.size()});
  for_each(cpu, x.size(), RoundToBf16{y.data, x.data});
}

}  // namespace crc
