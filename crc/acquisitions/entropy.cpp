// Largest entropy: - sum_c p_c log p_c.
#include "crc/uncertainty.h"

namespace crc::select {

Selection select_entropy(Context& context, const Problem& problem, const Config& config) {
  return most_uncertain(context, problem, config, entropy);
}

}  // namespace crc::select
