// Smallest margin: p_(1) - p_(2), the gap between the two largest probabilities.
#include "crc/uncertainty.h"

namespace crc::select {

Selection select_margin(Context& context, const Problem& problem, const Config& config) {
  return most_uncertain(context, problem, config, [](std::span<const double> p) { return p[1] - p[0]; });
}

}  // namespace crc::select
