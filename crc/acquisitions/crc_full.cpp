// Convergence rate control over the NTK of all layers ("Full" of the paper's table 2).
#include "crc/ntk_full.h"

namespace crc::select {

void check_crc_full(const Config& config, const Request& request) { check_by_jacobians(config, request, kAllLayers); }

Selection select_crc_full(Context& context, const Problem& problem, const Config& config) {
  return select_by_jacobians(context, problem, config, kAllLayers);
}

}  // namespace crc::select
