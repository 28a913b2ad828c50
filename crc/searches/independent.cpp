// Draws that know nothing of each other.
#include "crc/searches/drawn.h"

namespace crc::select {

Selection search_independent(const SearchInput& in) {
  const Config& config = in.config;
  return select_drawn(in, [&](std::span<const int64_t> left, int64_t drawn, int64_t) -> Candidates {
    const int64_t count = config.candidates > 0 ? config.candidates : int64_t(left.size()) / config.group_size;
    return {left, in.problem.unlabeled, config.group_size, count, drawn, config.seed, config.round};
  });
}

}  // namespace crc::select
