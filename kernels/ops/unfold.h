// A convolution as a matrix product (im2col), and its adjoint:
//   unfold: columns[(n,p,q),(r,s,c)] = x[n, p*stride + r - pad, q*stride + s - pad, c], 0 outside;
//   fold:   dx[n,h,w,c] = sum of the columns' entries that unfold would have read there (= , not +=), taps in order.
// x, dx [N,H,W,C], columns [N*P*Q, R*R*C] with P = (H + 2*pad - R)/stride + 1. For what conv2d cannot do: weight
// gradients sample by sample, and fp64. fp32 and fp64. Class: exact (unfold), point (fold).
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct UnfoldConfig {
  int64_t kernel = 3;  // R
  int64_t stride = 1;
  int64_t pad = 1;
  int64_t out(int64_t extent) const { return (extent + 2 * pad - kernel) / stride + 1; }
};

template <class T> struct Unfold {
  T* columns;
  const T* x;
  int64_t h, w, c, p, q, kernel, stride, pad;

  // i counts (n,p,q,r,s): C values each.
  CRC_HD void operator()(int64_t i) const {
    const int64_t s = i % kernel, r = i / kernel % kernel, row = i / kernel / kernel;
    const int64_t y = row / q % p * stride + r - pad, z = row % q * stride + s - pad, n = row / q / p;
    const bool inside = y >= 0 && y < h && z >= 0 && z < w;
    const T* from = x + ((n * h + y) * w + z) * c;
    for (int64_t k = 0; k < c; ++k) columns[i * c + k] = inside ? from[k] : T(0);
  }
};

template <class T> struct Fold {
  T* dx;
  const T* columns;
  int64_t h, w, c, p, q, kernel, stride, pad;

  // i counts (n,h,w): C values each.
  CRC_HD void operator()(int64_t i) const {
    const int64_t n = i / w / h, y = i / w % h, z = i % w;
    for (int64_t k = 0; k < c; ++k) dx[i * c + k] = 0;
    for (int64_t r = 0; r < kernel; ++r)
      for (int64_t s = 0; s < kernel; ++s) {
        const int64_t py = y + pad - r, qz = z + pad - s;
        if (py < 0 || qz < 0 || py % stride != 0 || qz % stride != 0 || py / stride >= p || qz / stride >= q) continue;
        const T* from = columns + ((((n * p + py / stride) * q + qz / stride) * kernel + r) * kernel + s) * c;
        for (int64_t k = 0; k < c; ++k) dx[i * c + k] += from[k];
      }
  }
};

CRC_OP(void, unfold, (View<float, 2> columns, View<const float, 4> x, UnfoldConfig config))
CRC_OP(void, unfold, (View<double, 2> columns, View<const double, 4> x, UnfoldConfig config))
CRC_OP(void, fold, (View<float, 4> dx, View<const float, 2> columns, UnfoldConfig config))
CRC_OP(void, fold, (View<double, 4> dx, View<const double, 2> columns, UnfoldConfig config))

// Checks the shapes of both backends' calls and makes the functors.
template <class T, class U> void check_unfold(const char* op, View<T, 2> columns, View<U, 4> x, UnfoldConfig g) {
  check_shape(op, columns, {x.shape[0] * g.out(x.shape[1]) * g.out(x.shape[2]), g.kernel * g.kernel * x.shape[3]});
}
template <class T> Unfold<T> unfold_step(View<T, 2> columns, View<const T, 4> x, UnfoldConfig g) {
  check_unfold("unfold", columns, x, g);
  return {columns.data,      x.data,   x.shape[1], x.shape[2], x.shape[3], g.out(x.shape[1]),
          g.out(x.shape[2]), g.kernel, g.stride,   g.pad};
}
template <class T> Fold<T> fold_step(View<T, 4> dx, View<const T, 2> columns, UnfoldConfig g) {
  check_unfold("fold", columns, dx, g);
  return {dx.data,  columns.data, dx.shape[1], dx.shape[2], dx.shape[3], g.out(dx.shape[1]), g.out(dx.shape[2]),
          g.kernel, g.stride,     g.pad};
}

}  // namespace crc
