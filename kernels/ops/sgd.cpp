#include "kernels/ops/sgd.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void sgd_step(Cpu& cpu, View<float, 1> w, View<float, 1> m, View<const float, 1> g, View<const StepState, 1> state,
              SgdConfig config) {
  check_shape("sgd_step", m, {w.size()});
  check_shape("sgd_step", g, {w.size()});
  for_each(cpu, w.size(), SgdStep{w.data, m.data, g.data, state.data, config});
}

}  // namespace crc
