// Algorithm 1 of the paper.
#include "crc/searches/drawn.h"

namespace crc::select {

Selection search_partition(const SearchInput& in) {
  return select_drawn(in, [&](std::span<const int64_t> left, int64_t, int64_t) -> Candidates {
    return {partition(left, in.config.group_size, in.config.seed, in.config.round), in.problem.unlabeled};
  });
}

}  // namespace crc::select
