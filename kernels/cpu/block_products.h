// Inner products of rows with rows, and rows less combinations of rows, by blocks that stay in registers where the CPU has
// AVX-512: the sums of inner_product (kernels/cpu/inner_products.h), and sums in the order of their terms, the same bits
// with and without.
#pragma once

#include "kernels/cpu/inner_products.h"

namespace crc {

#if defined(__AVX2__) && defined(__FMA__)
// out [i * stride + j] = <x_i,y_j> of `down` and `across` rows of n numbers.
template <int64_t down, int64_t across>
__attribute__((target("avx512f"))) void inner_block(double* out, int64_t stride, const double* x, const double* y,
                                                    int64_t n) {
  constexpr int64_t kHalf = 8, kStep = 2 * kHalf;
  decltype(load_wide(x)) sums[down][across][2];
  for (auto& row : sums)
    for (auto& pair : row) pair[0] = pair[1] = all_wide(0.0);
  int64_t k = 0;
  for (; k + kStep <= n; k += kStep)
    for (int64_t j = 0; j < across; ++j) {
      const double* right = y + j * n + k;
      for (int64_t i = 0; i < down; ++i)
        for (int64_t h = 0; h < 2; ++h)
          sums[i][j][h] = fused_wide(load_wide(x + i * n + k + h * kHalf), load_wide(right + h * kHalf), sums[i][j][h]);
    }
  for (int64_t i = 0; i < down; ++i)
    for (int64_t j = 0; j < across; ++j) {
      double s[kStep];
      store_wide(s, sums[i][j][0]), store_wide(s + kHalf, sums[i][j][1]);
      double total = joined((load(s) + load(s + kLanes)) + (load(s + 2 * kLanes) + load(s + 3 * kLanes)));
      for (int64_t rest = k; rest < n; ++rest) total += x[i * n + rest] * y[j * n + rest];
      out[i * stride + j] = total;
    }
}

// to_j [begin,end) -= c_aj x_a of `across` rows to and `rows` rows x of n numbers, term after term.
template <int64_t across>
__attribute__((target("avx512f"))) void subtract_block(double* to, const double* x, const double* c, int64_t stride,
                                                       int64_t rows, int64_t n, int64_t begin, int64_t end) {
  constexpr int64_t kHalf = 8, kStep = 2 * kHalf;
  int64_t k = begin;
  for (; k + kStep <= end; k += kStep) {
    decltype(load_wide(to)) left[across][2];
    for (int64_t j = 0; j < across; ++j)
      for (int64_t h = 0; h < 2; ++h) left[j][h] = load_wide(to + j * n + k + h * kHalf);
    for (int64_t a = 0; a < rows; ++a)
      for (int64_t j = 0; j < across; ++j) {
        const auto by = all_wide(c[a * stride + j]);
        for (int64_t h = 0; h < 2; ++h) left[j][h] = left[j][h] - by * load_wide(x + a * n + k + h * kHalf);
      }
    for (int64_t j = 0; j < across; ++j)
      for (int64_t h = 0; h < 2; ++h) store_wide(to + j * n + k + h * kHalf, left[j][h]);
  }
  for (; k < end; ++k)
    for (int64_t a = 0; a < rows; ++a)
      for (int64_t j = 0; j < across; ++j) to[j * n + k] -= c[a * stride + j] * x[a * n + k];
}
#endif

inline constexpr int64_t kAcross = 4, kDown = 2;  // rows of a block

// out [N,M] = the inner products of N rows x and M rows y of n numbers.
inline void inner_products(double* out, const double* x, int64_t down, const double* y, int64_t across, int64_t n) {
  const auto one_by_one = [&](int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
    for (int64_t i = i0; i < i1; ++i)
      for (int64_t j = j0; j < j1; ++j) out[i * across + j] = inner_product(x + i * n, y + j * n, n);
  };
#if defined(__AVX2__) && defined(__FMA__)
  if (kHasLanesOf8) {
    const int64_t whole_down = down / kDown * kDown, whole_across = across / kAcross * kAcross;
    for (int64_t i = 0; i < whole_down; i += kDown) {
      double* row = out + i * across;
      for (int64_t j = 0; j < whole_across; j += kAcross)
        inner_block<kDown, kAcross>(row + j, across, x + i * n, y + j * n, n);
      for (int64_t j = whole_across; j < across; ++j) inner_block<kDown, 1>(row + j, across, x + i * n, y + j * n, n);
    }
    return one_by_one(whole_down, down, 0, across);
  }
#endif
  one_by_one(0, down, 0, across);
}

// Columns [begin,end) of M rows `to` -= those of sum_a c_aj x_a, c [N,M], of N rows x, term after term.
inline void subtract_products(double* to, int64_t across, const double* x, int64_t rows, const double* c, int64_t n,
                              int64_t begin, int64_t end) {
  int64_t j = 0;
#if defined(__AVX2__) && defined(__FMA__)
  if (kHasLanesOf8) {
    for (; j + 5 <= across; j += 5) subtract_block<5>(to + j * n, x, c + j, across, rows, n, begin, end);
    for (; j + 2 <= across; j += 2) subtract_block<2>(to + j * n, x, c + j, across, rows, n, begin, end);
  }
#endif
  for (; j < across; ++j)
    for (int64_t a = 0; a < rows; ++a) {
      const double by = c[a * across + j], *from = x + a * n;
      double* row = to + j * n;
      for (int64_t k = begin; k < end; ++k) row[k] -= by * from[k];
    }
}

}  // namespace crc
