#include "kernels/ops/across_ranks.h"

#include <algorithm>

namespace crc {

void gather_ranks(Cpu& cpu, View<float, 1> all, View<const float, 1> own, Ranks* ranks) {
  if (check_gather(all, own, ranks) == 1)
    return copy_within(cpu, all.data, own.data, own.size() * int64_t(sizeof(float)));
  const std::vector<float> received = ranks->gather(std::span(own.data, size_t(own.size())));
  std::ranges::copy(received, all.data);
}

void mean_ranks(Cpu&, View<float, 1> values, Ranks* ranks) {
  if (ranks) ranks->mean({values.data, size_t(values.size())});
}

}  // namespace crc
