// Convergence rate control over the NTK of chosen layers ("final layers" of the paper's algorithm 1).
#include "crc/ntk_full.h"

namespace crc::select {

Selection select_crc_layers(Context& context, const Problem& problem, const Config& config) {
  return select_by_jacobians(context, problem, config, config.layers);
}

}  // namespace crc::select
