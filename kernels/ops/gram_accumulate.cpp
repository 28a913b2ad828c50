#include "kernels/ops/gram_accumulate.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void gram_accumulate(Cpu& cpu, View<double, 3> k, View<const float, 3> a, View<const float, 3> c) {
  accumulate_gram(cpu, k, a, c, kCpuGramPanel, [&](const WidenPanel& step, int64_t n) { for_each(cpu, n, step); });
}

}  // namespace crc
