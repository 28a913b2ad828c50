#include "kernels/ops/merge_parts.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void merge_parts(Cpu& cpu, View<double, 1> into, View<const double, 1> other, Meeting::Of what) {
  check_shape("merge_parts", other, {into.size()});
  if (what == Meeting::Of::sums) return for_each(cpu, into.size(), MergeSums{into.data, other.data});
  for_each(cpu, into.size() / 3, MergeMoments{into.data, other.data, into.size() / 3});
}

}  // namespace crc
