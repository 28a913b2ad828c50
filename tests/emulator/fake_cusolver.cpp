// Eigenvalues by the cyclic Jacobi method, in double, in place of kernels/cuda/cusolver.cpp.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/cuda/cusolver.h"
#include "tests/emulator/fake_library.h"

namespace crc {
namespace {

// One rotation of the symmetric s [n,n] that zeroes s[p,q], and of the rows of `vectors` [n,n] (empty: of none) (Golub
// and Van Loan, Matrix Computations, 8.5.2).
void rotate(std::vector<double>& s, std::vector<double>& vectors, int64_t n, int64_t p, int64_t q) {
  const double pq = s[p * n + q];
  if (pq == 0) return;
  const double theta = (s[q * n + q] - s[p * n + p]) / (2 * pq);
  const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::hypot(theta, 1.0));
  const double cosine = 1 / std::hypot(t, 1.0), sine = t * cosine;
  for (int64_t i = 0; i < n; ++i) {
    const double x = s[i * n + p], y = s[i * n + q];
    s[i * n + p] = cosine * x - sine * y;
    s[i * n + q] = sine * x + cosine * y;
  }
  for (int64_t i = 0; i < n; ++i) {
    const double x = s[p * n + i], y = s[q * n + i];
    s[p * n + i] = cosine * x - sine * y;
    s[q * n + i] = sine * x + cosine * y;
  }
  for (int64_t i = 0; i < n && !vectors.empty(); ++i) {
    const double x = vectors[p * n + i], y = vectors[q * n + i];
    vectors[p * n + i] = cosine * x - sine * y;
    vectors[q * n + i] = sine * x + cosine * y;
  }
}

// The eigenvalues of the lower triangle of a [n,n], ascending; empty if it does not converge (not a number). Where
// `vectors` is the identity, its rows become their eigenvectors.
template <class T>
std::vector<double> eigenvalues(const T* a, int64_t n, std::vector<double> vectors = {}, double* sorted = nullptr) {
  std::vector<double> s(size_t(n * n)), values(static_cast<size_t>(n));
  double norm = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      s[i * n + j] = double(a[std::max(i, j) * n + std::min(i, j)]);
      norm += s[i * n + j] * s[i * n + j];
    }
  constexpr int kSweeps = 60;  // convergence is quadratic: about ten are needed
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    double off = 0;
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = p + 1; q < n; ++q) off += s[p * n + q] * s[p * n + q];
    constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
    if (off <= kEpsilon * kEpsilon * norm) {
      std::vector<int64_t> order(static_cast<size_t>(n));
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(), [&](int64_t i, int64_t j) { return s[i * n + i] < s[j * n + j]; });
      for (int64_t i = 0; i < n; ++i) {
        values[i] = s[order[i] * n + order[i]];
        if (sorted) std::copy_n(&vectors[order[i] * n], n, sorted + i * n);
      }
      return values;
    }
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = p + 1; q < n; ++q) rotate(s, vectors, n, p, q);
  }
  return {};
}

template <class T> void solve(Cuda& cuda, int64_t batch, int64_t n, T* a, T* w, int* info) {
  emulator::PlanCache<2, int>::prepare(cuda, 0);  // the handle
  const auto work = [=] {
    for (int64_t row = 0; row < batch * n; ++row) emulator::device_read(a + row * n, size_t(row % n + 1) * sizeof(T));
    emulator::device_write(a, size_t(batch * n * n) * sizeof(T));
    emulator::device_write(w, size_t(batch * n) * sizeof(T));
    emulator::device_write(info, size_t(batch) * sizeof(int));
    for (int64_t b = 0; b < batch; ++b) {
      const std::vector<double> values = eigenvalues(a + b * n * n, n);
      info[b] = values.empty() ? 1 : 0;
      for (int64_t i = 0; i < n; ++i)
        w[b * n + i] = values.empty() ? std::numeric_limits<T>::quiet_NaN() : T(values[i]);
      std::fill_n(a + b * n * n, n * n, std::numeric_limits<T>::quiet_NaN());  // destroyed, as promised
    }
  };
  check_cuda(emulator::enqueue(cuda.stream(), work), "emulated cuSOLVER");
}

}  // namespace

void cusolver_eigenvalues(Cuda& cuda, int64_t batch, int64_t n, double* a, double* w, int* info) {
  solve(cuda, batch, n, a, w, info);
}
void cusolver_eigenvalues(Cuda& cuda, int64_t batch, int64_t n, float* a, float* w, int* info) {
  solve(cuda, batch, n, a, w, info);
}
void cusolver_eigenvectors(Cuda& cuda, int64_t n, double* a, double* w, int* info) {
  emulator::PlanCache<2, int>::prepare(cuda, 0);
  const auto work = [=] {
    for (int64_t row = 0; row < n; ++row) emulator::device_read(a + row * n, size_t(row + 1) * sizeof(double));
    emulator::device_write(a, size_t(n * n) * sizeof(double));
    emulator::device_write(w, size_t(n) * sizeof(double));
    emulator::device_write(info, sizeof(int));
    std::vector<double> identity(size_t(n * n)), vectors(size_t(n * n), std::numeric_limits<double>::quiet_NaN());
    for (int64_t i = 0; i < n; ++i) identity[i * n + i] = 1;
    const std::vector<double> values = eigenvalues(a, n, identity, vectors.data());
    *info = values.empty() ? 1 : 0;
    std::copy(values.begin(), values.end(), w);
    std::copy(vectors.begin(), vectors.end(), a);
  };
  check_cuda(emulator::enqueue(cuda.stream(), work), "emulated cuSOLVER");
}
void cusolver_eigenvalues_batched(Cuda& cuda, int64_t batch, int64_t n, double* a, double* w, int* info) {
  solve(cuda, batch, n, a, w, info);
}

}  // namespace crc
