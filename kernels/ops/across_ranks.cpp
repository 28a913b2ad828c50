#include "kernels/ops/across_ranks.h"

#include <algorithm>

namespace crc {
namespace {

template <class T> void gather(Cpu& cpu, View<T, 1> all, View<const T, 1> own, Ranks* ranks) {
  if (check_gather(all, own, ranks) == 1) return copy_within(cpu, all.data, own.data, own.size() * int64_t(sizeof(T)));
  const std::vector<T> received = ranks->gather(std::span(own.data, size_t(own.size())));
  std::ranges::copy(received, all.data);
}

}  // namespace

void gather_ranks(Cpu& cpu, View<float, 1> all, View<const float, 1> own, Ranks* ranks) {
  gather(cpu, all, own, ranks);
}
void gather_ranks(Cpu& cpu, View<double, 1> all, View<const double, 1> own, Ranks* ranks) {
  gather(cpu, all, own, ranks);
}

void mean_ranks(Cpu&, View<float, 1> values, Ranks* ranks) {
  if (ranks) ranks->mean({values.data, size_t(values.size())});
}

}  // namespace crc
