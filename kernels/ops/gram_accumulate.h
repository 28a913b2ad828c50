// k[b] += a[b] c[b]^T, b = 0..B-1: inner products of fp32 rows, in fp64. k [B,N,M], a [B,N,P], c [B,M,P].
// Columns go by panels: each is widened to fp64 in scratch memory and multiplied there (BLAS, cuBLAS), so
// memory does not grow with P, and a Gram of millions of columns is exact to fp64 rounding of fp32 rows. Same bits for
// any number of threads. c may be a: then it is widened once. Class: library, fp64.
#pragma once

#include "kernels/ops/gemm.h"

namespace crc {

// Columns of a panel. CPU: a few hundred rows stay in the L2 cache. CUDA: few launches for millions of columns.
inline constexpr int64_t kCpuGramPanel = 512, kCudaGramPanel = 16384;

struct WidenPanel {
  double* panel;      // [rows,width]
  const float* rows;  // [rows,columns]
  int64_t begin, width, columns;

  CRC_HD void operator()(int64_t row, int64_t first, int64_t last) const {
    for (int64_t k = first; k < last; ++k) panel[row * width + k] = rows[row * columns + begin + k];
  }
};

CRC_OP(void, gram_accumulate, (View<double, 3> k, View<const float, 3> a, View<const float, 3> c))

// The op itself; widen(step, rows) runs the functor over all rows and columns of the panel.
template <class Backend, class Widen>
void accumulate_gram(Backend& backend, View<double, 3> k, View<const float, 3> a, View<const float, 3> c,
                     int64_t panel_width, const Widen& widen) {
  const int64_t batch = k.shape[0], n = k.shape[1], m = k.shape[2], columns = a.shape[2];
  check_shape("gram_accumulate", a, {batch, n, columns});
  check_shape("gram_accumulate", c, {batch, m, columns});
  if (k.size() == 0) return;
  const bool same = a.data == c.data && n == m;
  Arena& scratch = scratch_of(backend);
  const GemmConfig config{.transpose_b = true, .beta = 1};
  for (int64_t begin = 0; begin < columns; begin += panel_width) {
    const Arena::Frame frame(scratch);
    const int64_t width = columns - begin < panel_width ? columns - begin : panel_width;
    const auto panel = [&](View<const float, 3> rows) {
      const auto wide = scratch.take<double, 4>({batch, 1, rows.shape[1], width}, "panel");
      const WidenPanel step{wide.data, rows.data, begin, width, columns};
      widen(step, batch * rows.shape[1]);
      return wide;
    };
    const auto x = panel(a), y = same ? x : panel(c);
    if (batch == 1)
      gemm(backend, View<double, 2>{k.data, {n, m}, k.device, k.name},
           View<const double, 2>{x.data, {n, width}, x.device, x.name},
           View<const double, 2>{y.data, {m, width}, y.device, y.name}, config);
    else
      gemm_batched(backend, View<double, 4>{k.data, {batch, 1, n, m}, k.device, k.name}, x, y, config);
  }
}

}  // namespace crc
