// Sums of products of fp64 numbers without rounding, for matrix products in any order (the error-free splitting of
// Ozaki, Ogita, Oishi and Rump, "Error-free transformations of matrix multiplication", Numer. Algorithms 59, 2012).
// exact_slices: every entry as integers of `bits` bits on a grid of its column's own, rounded once at the last slice:
//   a[k,j] unit[j] = sum_s slices[s,k,j] 2^(-bits (s+1)),   slices [S,n,W], a [n,W], unit [W] a power of two that brings
//   its column below 1.
// join_slices: m[i,j] = m[j,i] = the sum put together, the smallest products first and each addition rounded; products
//   [P,W,W] the matrices slice_s^T slice_t for all s <= t, s + t < S, in the order of s, then t (exact as long as n
//   times 2^(2 bits) is at most 2^53), exponents [W] with unit = 2^-exponent. m [W,W].
// The same bits on every device. Class: exact. No aliasing.
#pragma once

#include <cmath>

#include "kernels/core/op.h"

namespace crc {

struct ExactSlices {
  double* slices;
  const double *a, *unit;
  int64_t count, entries, width;  // S, n W, W
  double shift;                   // 2^bits

  CRC_HD void operator()(int64_t k) const {
    double rest = a[k] * unit[k % width];
    for (int64_t s = 0; s < count; ++s) {
      rest *= shift;
      const double integer = nearbyint(rest);
      slices[s * entries + k] = integer;
      rest -= integer;
    }
  }
};

struct JoinSlices {
  double* m;
  const double* products;
  const int32_t* exponents;
  int64_t count, slices, width, bits;  // P, S, W

  CRC_HD void operator()(int64_t at) const {
    const int64_t i = at / width, j = at % width;
    if (j > i) return;
    double total = 0;
    int64_t p = count;
    for (int64_t s = slices - 1; s >= 0; --s)
      for (int64_t t = slices - 1 - s; t >= s; --t) {
        const double* product = products + --p * width * width;
        const double sum = s == t ? product[i * width + j] : product[i * width + j] + product[j * width + i];
        total += ldexp(sum, int(-bits * (s + t + 2)));
      }
    m[i * width + j] = m[j * width + i] = ldexp(total, exponents[i] + exponents[j]);
  }
};

CRC_OP(void, exact_slices, (View<double, 3> slices, View<const double, 2> a, View<const double, 1> unit, int64_t bits))
CRC_OP(void, join_slices,
       (View<double, 2> m, View<const double, 3> products, View<const int32_t, 1> exponents, int64_t slices,
        int64_t bits))

// How many products there are of so many slices.
constexpr int64_t slice_products(int64_t slices) {
  int64_t count = 0;
  for (int64_t s = 0; s < slices; ++s) count += slices - 2 * s > 0 ? slices - 2 * s : 0;
  return count;
}

// Checks the shapes of both backends' calls and makes the functors.
inline ExactSlices slices_of(View<double, 3> slices, View<const double, 2> a, View<const double, 1> unit,
                             int64_t bits) {
  check_shape("exact_slices", slices, {-1, a.shape[0], a.shape[1]});
  check_shape("exact_slices", unit, {a.shape[1]});
  return {slices.data, a.data, unit.data, slices.shape[0], a.size(), a.shape[1], std::ldexp(1.0, int(bits))};
}
inline JoinSlices joining_of(View<double, 2> m, View<const double, 3> products, View<const int32_t, 1> exponents,
                             int64_t slices, int64_t bits) {
  const int64_t width = m.shape[0];
  check_shape("join_slices", m, {width, width});
  check_shape("join_slices", products, {slice_products(slices), width, width});
  check_shape("join_slices", exponents, {width});
  return {m.data, products.data, exponents.data, products.shape[0], slices, width, bits};
}

}  // namespace crc
