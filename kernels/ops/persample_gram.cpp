#include "kernels/ops/persample_gram.h"

#include <algorithm>

#include "kernels/cpu/for_each.h"

namespace crc {
namespace {

// Pairs of a tile: few rows, so that their sums stay in registers, and columns side by side for the vector unit.
constexpr int64_t kRows = 4, kColumns = 16;

// One tile of the Gram: every sum runs over the entries in order, whatever the tile.
void gram_tile(double* k, int64_t stride, const PersampleGrads& x, int64_t i0, int64_t rows, const PersampleGrads& y,
               int64_t j0, int64_t columns) {
  double sum[kRows][kColumns] = {};
  for (int64_t c = 0; c < x.classes; ++c)
    for (int64_t d = 0; d < x.width; ++d) {
      double b[kColumns] = {};
      for (int64_t j = 0; j < columns; ++j) b[j] = y(j0 + j, c, d);
      for (int64_t i = 0; i < rows; ++i) {
        const double a = x(i0 + i, c, d);
        for (int64_t j = 0; j < kColumns; ++j) sum[i][j] += a * b[j];
      }
    }
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) k[(i0 + i) * stride + j0 + j] = sum[i][j];
}

}  // namespace

void persample_gram(Cpu& cpu, View<double, 2> k, View<const float, 2> delta_i, View<const float, 2> h_i,
                    View<const float, 2> delta_j, View<const float, 2> h_j, PersampleConfig config) {
  const int64_t n = k.shape[0], m = k.shape[1];
  const PersampleGrads x = persample("persample_gram", n, delta_i, h_i, config);
  const PersampleGrads y = persample("persample_gram", m, delta_j, h_j, config);
  check_shape("persample_gram", delta_j, {m, x.classes});
  check_shape("persample_gram", h_j, {m, x.features});
  const int64_t tiles = (m + kColumns - 1) / kColumns;
  for_chunks(cpu, (n + kRows - 1) / kRows * tiles, 1, [&](int64_t tile, int64_t, int64_t) {
    const int64_t i0 = tile / tiles * kRows, j0 = tile % tiles * kColumns;
    gram_tile(k.data, m, x, i0, std::min(kRows, n - i0), y, j0, std::min(kColumns, m - j0));
  });
}

}  // namespace crc
