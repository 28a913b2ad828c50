// Convergence rate control over the NTK of chosen layers ("final layers" of the paper's algorithm 1).
#include "crc/ntk_full.h"

namespace crc::select {

void check_crc_layers(const Config& config, const Request& request) {
  check_by_jacobians(config, request, config.layers);
}

Selection select_crc_layers(Context& context, const Problem& problem, const Config& config) {
  return select_by_jacobians(context, problem, config, config.layers);
}

}  // namespace crc::select
