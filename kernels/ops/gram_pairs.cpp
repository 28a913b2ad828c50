#include "kernels/ops/gram_pairs.h"

#include "kernels/cpu/for_each.h"

namespace crc {
namespace {

View<int32_t, 1> exponents_of(Cpu& cpu, View<const float, 3> x) {
  const int64_t rows = x.shape[0] * x.shape[1], columns = x.shape[2];
  const auto exponents = cpu.scratch().take<int32_t>({rows}, "exponents of rows");
  for_chunks(cpu, rows, 1, [&](int64_t row, int64_t, int64_t) {
    float largest = 0;
    for (int64_t p = 0; p < columns; ++p) largest = std::max(largest, std::fabs(x.data[row * columns + p]));
    exponents[row] = RowExponent::of(largest);
  });
  return exponents;
}

// The inner product of two scaled rows over the columns [begin, end).
double pair_part(const float* x, float x_scale, const float* y, float y_scale, int64_t begin, int64_t end) {
  double total = 0;
  for (int64_t panel = begin; panel < end; panel += kPairPanel) {
    PairSum sum;
    for (int64_t p = panel; p < std::min(panel + kPairPanel, end); ++p) sum.add_product(x[p] * x_scale, y[p] * y_scale);
    total += sum.value();
  }
  return total;
}

}  // namespace

void gram_pairs(Cpu& cpu, View<double, 3> k, View<const float, 3> a, View<const float, 3> c) {
  const PairParts cut = check_gram_pairs(k, a, c);
  if (k.size() == 0) return;
  const int64_t n = k.shape[1], m = k.shape[2], columns = a.shape[2];
  const Arena::Frame frame(cpu.scratch());
  const auto ea = exponents_of(cpu, a), ec = exponents_of(cpu, c);
  const auto sums = cpu.scratch().take<double>({cut.parts, k.size()}, "parts of a Gram");
  for_chunks(cpu, cut.parts * k.shape[0] * n, 1, [&](int64_t at, int64_t, int64_t) {
    const int64_t part = at / (k.shape[0] * n), row = at % (k.shape[0] * n), first = row / n * m;
    const int64_t begin = part * cut.length, end = std::min(begin + cut.length, columns);
    for (int64_t j = 0; j < m; ++j)
      sums(part, row * m + j) =
          pair_part(a.data + row * columns, RowExponent::scale(ea[row]), c.data + (first + j) * columns,
                    RowExponent::scale(ec[first + j]), begin, end);
  });
  for_each(cpu, k.size(), AddPairParts{k.data, sums.data, ea.data, ec.data, n, m, cut.parts, k.size()});
}

}  // namespace crc
