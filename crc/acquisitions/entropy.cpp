// Largest entropy: - sum_c p_c log p_c.
#include <cmath>

#include "crc/uncertainty.h"

namespace crc::select {

Selection select_entropy(Context& context, const Problem& problem, const Config& config) {
  return most_uncertain(context, problem, config, [](std::span<const double> p) {
    double entropy = 0;
    for (double q : p)
      if (q > 0) entropy -= q * std::log(q);
    return entropy;
  });
}

}  // namespace crc::select
