// Distances between outer products, in closed form: for rows g_i = delta_i h_i^T [C,D], the gradients of a last linear
// layer without its bias,
//   <g_i, g_j> = <delta_i, delta_j> <h_i, h_j>,  |g_i - g_j|^2 = |g_i|^2 - 2 <g_i, g_j> + |g_j|^2:
// C + D products a pair, not the C D of kernels/ops/persample_gram.h, which is the tests' oracle.
// outer_norms: squared [N] = |g_i|^2. min_outer_distance: nearest[i] = min(nearest[i], |g_i - g|^2), one step of
// k-means++ (BADGE, Ash et al. 2020), of one centre g. delta [N,C], h [N,D], nearest and squared [N] fp64; of the centre
// [1,C], [1,D] and [1].
// Products of two fp32 numbers are exact in fp64; both sums are eight chains over k mod 8, joined in pairs: the same
// bits on every device and for any number of threads, and a row is at distance 0 from its copies. Class: exact against
// those sums.
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct OuterRows {
  const float *delta, *h;
  int64_t classes, features;

  static CRC_HD double dot(const float* x, const float* y, int64_t n) {
    double s[8] = {};
    int64_t k = 0;
    for (; k + 8 <= n; k += 8)
      for (int c = 0; c < 8; ++c) s[c] += double(x[k + c]) * double(y[k + c]);
    for (int c = 0; k + c < n; ++c) s[c] += double(x[k + c]) * double(y[k + c]);
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
  }
  CRC_HD double inner(int64_t i, const float* its_delta, const float* its_h) const {
    return dot(delta + i * classes, its_delta, classes) * dot(h + i * features, its_h, features);
  }
};

struct OuterNorm {
  double* squared;
  OuterRows rows;
  CRC_HD void operator()(int64_t i) const {
    squared[i] = rows.inner(i, rows.delta + i * rows.classes, rows.h + i * rows.features);
  }
};

struct MinOuterDistance {
  double* nearest;
  const double* squared;
  OuterRows rows, center;
  const double* center_squared;
  CRC_HD void operator()(int64_t i) const {
    const double distance = squared[i] - 2 * rows.inner(i, center.delta, center.h) + *center_squared;
    if (distance < nearest[i]) nearest[i] = distance > 0 ? distance : 0;
  }
};

CRC_OP(void, outer_norms, (View<double, 1> squared, View<const float, 2> delta, View<const float, 2> h))
CRC_OP(void, min_outer_distance,
       (View<double, 1> nearest, View<const double, 1> squared, View<const float, 2> delta, View<const float, 2> h,
        View<const double, 1> center_squared, View<const float, 2> center_delta, View<const float, 2> center_h))

// Checks the shapes of both backends' calls.
inline OuterRows outer_rows(const char* op, int64_t n, View<const float, 2> delta, View<const float, 2> h) {
  check_shape(op, delta, {n, -1});
  check_shape(op, h, {n, -1});
  return {delta.data, h.data, delta.shape[1], h.shape[1]};
}
inline MinOuterDistance min_outer_distance_step(View<double, 1> nearest, View<const double, 1> squared,
                                                View<const float, 2> delta, View<const float, 2> h,
                                                View<const double, 1> center_squared, View<const float, 2> center_delta,
                                                View<const float, 2> center_h) {
  const char* op = "min_outer_distance";
  const int64_t n = nearest.size();
  check_shape(op, squared, {n});
  check_shape(op, center_squared, {1});
  check_shape(op, center_delta, {1, delta.shape[1]});
  check_shape(op, center_h, {1, h.shape[1]});
  return {nearest.data, squared.data, outer_rows(op, n, delta, h), outer_rows(op, 1, center_delta, center_h),
          center_squared.data};
}

}  // namespace crc
