// Least confidence: smallest max_c p_c.
#include "crc/uncertainty.h"

namespace crc::select {

Selection select_confidence(Context& context, const Problem& problem, const Config& config) {
  return most_uncertain(context, problem, config, [](std::span<const double> p) { return -p[0]; });
}

}  // namespace crc::select
