#include "kernels/ops/exact_slices.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void exact_slices(Cpu& cpu, View<double, 3> slices, View<const double, 2> a, View<const double, 1> unit, int64_t bits) {
  for_each(cpu, a.size(), slices_of(slices, a, unit, bits));
}
void join_slices(Cpu& cpu, View<double, 2> m, View<const double, 3> products, View<const int32_t, 1> exponents,
                 int64_t slices, int64_t bits) {
  for_each(cpu, m.size(), joining_of(m, products, exponents, slices, bits));
}

}  // namespace crc
