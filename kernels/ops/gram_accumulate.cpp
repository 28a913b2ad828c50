#include "kernels/ops/gram_accumulate.h"

#include "kernels/cpu/for_each.h"

namespace crc {

void gram_accumulate(Cpu& cpu, View<double, 3> k, View<const float, 3> a, View<const float, 3> c) {
  constexpr int64_t kGrain = 16;  // rows of kCpuGramPanel numbers
  accumulate_gram(cpu, k, a, c, kCpuGramPanel, [&](const WidenPanel& step, int64_t rows) {
    for_chunks(cpu, rows, kGrain, [&](int64_t, int64_t begin, int64_t end) {
      const WidenPanel local = step;
      for (int64_t row = begin; row < end; ++row) local(row, 0, local.width);
    });
  });
}

}  // namespace crc
