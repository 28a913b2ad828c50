#include "kernels/ops/rotate_rows.h"

#include <omp.h>

#include "kernels/cpu/for_each.h"
#include "kernels/cpu/lanes.h"

namespace crc {
namespace {

constexpr int64_t kDown = 6,
                  kWide = 2 * kLanes;  // 12 of AVX2's 16 registers hold sums; the chains hide each other's latency
constexpr int64_t kBlock = 8 * kDown;  // rows that are converted at a time: 48 x 129 doubles stay in the L2 cache

// v[i,:] = sum_d x[i,d] r[d,:], a chain per entry.
void multiply(double* v, const double* x, const double* r, int64_t depth) {
  Lanes sums[kDown][2] = {};
  for (int64_t d = 0; d < depth; ++d) {
    const Lanes left = load(r + d * kWide), right = load(r + d * kWide + kLanes);
    for (int64_t i = 0; i < kDown; ++i) {
      const Lanes a = all(x[i * depth + d]);
      sums[i][0] = fused(a, left, sums[i][0]);
      sums[i][1] = fused(a, right, sums[i][1]);
    }
  }
  for (int64_t i = 0; i < kDown; ++i) store(v + i * kWide, sums[i][0]), store(v + i * kWide + kLanes, sums[i][1]);
}

template <class T> void rotate(Cpu& cpu, const RotateRows<T>& op, int64_t n) {
  if (n == 0 || op.rank == 0) return;
  const int64_t depth = op.width + 1, panels = (op.rank + kWide - 1) / kWide;
  const Arena::Frame frame(cpu.scratch());
  // The rotation in panels of kWide, filled up with zeros.
  double* packed = cpu.scratch().take<double>({panels, depth * kWide}, "rotation panels").data;
  for_chunks(cpu, panels, 1, [&](int64_t p, int64_t, int64_t) {
    for (int64_t d = 0; d < depth; ++d)
      for (int64_t j = 0; j < kWide; ++j) {
        const int64_t column = p * kWide + j;
        packed[(p * depth + d) * kWide + j] = column < op.rank ? op.rotation[d * op.rank + column] : 0;
      }
  });
  const auto rows = cpu.scratch().take<double>({cpu.threads(), kBlock * depth}, "scaled rows");
  for_chunks(cpu, n, kBlock, [&](int64_t, int64_t begin, int64_t end) {
    double* x = &rows(omp_get_thread_num(), 0);
    for (int64_t i = 0; i < kBlock; ++i) {
      double* row = x + i * depth;
      const T* source = op.h + op.items[std::min(begin + i, end - 1)] * op.width;
      for (int64_t d = 0; d < op.width; ++d) row[d] = double(source[d]) * op.scale;
      row[op.width] = op.scale;
    }
    for (int64_t p = 0; p < panels; ++p)
      for (int64_t i = begin; i < end; i += kDown) {
        double sums[kDown * kWide];
        multiply(sums, x + (i - begin) * depth, packed + p * depth * kWide, depth);
        const int64_t columns = std::min(kWide, op.rank - p * kWide);
        for (int64_t k = 0; k < std::min(kDown, end - i); ++k)
          std::copy_n(sums + k * kWide, columns, op.v + (i + k) * op.rank + p * kWide);
      }
  });
}

}  // namespace

void rotate_rows(Cpu& cpu, View<double, 2> v, View<const float, 2> h, View<const int64_t, 1> items,
                 View<const double, 2> rotation, double scale) {
  rotate(cpu, rotation_of(v, h, items, rotation, scale), v.shape[0]);
}
void rotate_rows(Cpu& cpu, View<double, 2> v, View<const double, 2> h, View<const int64_t, 1> items,
                 View<const double, 2> rotation, double scale) {
  rotate(cpu, rotation_of(v, h, items, rotation, scale), v.shape[0]);
}

void augmented_rows(Cpu& cpu, View<double, 2> v, View<const float, 2> h, View<const int64_t, 1> items, double scale) {
  for_each(cpu, v.size(), augmentation_of(v, h, items, scale));
}
void augmented_rows(Cpu& cpu, View<double, 2> v, View<const double, 2> h, View<const int64_t, 1> items, double scale) {
  for_each(cpu, v.size(), augmentation_of(v, h, items, scale));
}

}  // namespace crc
