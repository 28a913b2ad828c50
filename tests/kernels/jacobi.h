// An eigenvalue solver for tests, independent of LAPACK: cyclic Jacobi rotations (Golub & Van Loan, algorithm 8.4.3).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace crc::test {

// Eigenvalues of the symmetric n x n matrix (row-major, both triangles), ascending. In long double, so that its own
// roundings do not count.
template <class T> std::vector<double> jacobi_eigenvalues(const std::vector<T>& matrix, int64_t n) {
  std::vector<long double> a(matrix.begin(), matrix.end());
  constexpr int kMaxSweeps = 60;
  for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
    long double off = 0, diagonal = 0;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) (i == j ? diagonal : off) += a[i * n + j] * a[i * n + j];
    if (off <= 0x1p-120L * diagonal) break;  // 60 bits
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = p + 1; q < n; ++q) {
        if (a[p * n + q] == 0) continue;
        const long double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
        const long double t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const long double c = 1 / std::sqrt(t * t + 1), s = t * c;
        for (int64_t k = 0; k < n; ++k) {
          const long double x = a[k * n + p], y = a[k * n + q];
          a[k * n + p] = c * x - s * y, a[k * n + q] = s * x + c * y;
        }
        for (int64_t k = 0; k < n; ++k) {
          const long double x = a[p * n + k], y = a[q * n + k];
          a[p * n + k] = c * x - s * y, a[q * n + k] = s * x + c * y;
        }
      }
  }
  std::vector<double> w(n);
  for (int64_t i = 0; i < n; ++i) w[i] = double(a[i * n + i]);
  std::sort(w.begin(), w.end());
  return w;
}

}  // namespace crc::test
