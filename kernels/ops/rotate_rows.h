// Coordinates of items in another basis: v[k,:] = scale (h[items[k],:], 1) R, in fp64.
// v [n,r], h [N,D] fp32 or fp64, items [n] rows of h (the caller checks), R [D+1,r]; the 1 is the bias of a linear
// layer. Each entry is one chain of fused multiply-adds over d = 0..D in order: the same bits on every device, for any
// number of threads and wherever a row stands. Class: exact against that chain.
// augmented_rows: the same with the identity as R, v[k,:] = scale (h[items[k],:], 1), v [n,D+1]; nothing is added up.
#pragma once

#include <cmath>

#include "kernels/core/op.h"

namespace crc {

template <class T> struct RotateRows {
  double* v;
  const T* h;
  const int64_t* items;
  const double* rotation;
  int64_t width, rank;  // D, r
  double scale;

  // Entry k of v.
  CRC_HD void operator()(int64_t k) const {
    const T* row = h + items[k / rank] * width;
    const double* column = rotation + k % rank;
    double sum = 0;
    for (int64_t d = 0; d < width; ++d) sum = fma(double(row[d]) * scale, column[d * rank], sum);
    v[k] = fma(scale, column[width * rank], sum);
  }
};

CRC_OP(void, rotate_rows,
       (View<double, 2> v, View<const float, 2> h, View<const int64_t, 1> items, View<const double, 2> rotation,
        double scale))
CRC_OP(void, rotate_rows,
       (View<double, 2> v, View<const double, 2> h, View<const int64_t, 1> items, View<const double, 2> rotation,
        double scale))

template <class T> struct AugmentedRows {
  double* v;
  const T* h;
  const int64_t* items;
  int64_t width;  // D
  double scale;

  CRC_HD void operator()(int64_t k) const {
    const int64_t d = k % (width + 1);
    v[k] = d == width ? scale : double(h[items[k / (width + 1)] * width + d]) * scale;
  }
};

CRC_OP(void, augmented_rows, (View<double, 2> v, View<const float, 2> h, View<const int64_t, 1> items, double scale))
CRC_OP(void, augmented_rows, (View<double, 2> v, View<const double, 2> h, View<const int64_t, 1> items, double scale))

template <class T>
AugmentedRows<T> augmentation_of(View<double, 2> v, View<const T, 2> h, View<const int64_t, 1> items, double scale) {
  check_shape("augmented_rows", v, {items.shape[0], h.shape[1] + 1});
  return {v.data, h.data, items.data, h.shape[1], scale};
}

// Checks the shapes of both backends' calls and makes the functor.
template <class T>
RotateRows<T> rotation_of(View<double, 2> v, View<const T, 2> h, View<const int64_t, 1> items,
                          View<const double, 2> rotation, double scale) {
  check_shape("rotate_rows", items, {v.shape[0]});
  check_shape("rotate_rows", rotation, {h.shape[1] + 1, v.shape[1]});
  return {v.data, h.data, items.data, rotation.data, h.shape[1], v.shape[1], scale};
}

}  // namespace crc
