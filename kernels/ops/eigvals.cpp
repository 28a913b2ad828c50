#include "kernels/ops/eigvals.h"

#include <omp.h>

#include <cmath>

#include "kernels/cpu/for_each.h"
#include "kernels/cpu/lapack.h"

namespace crc {
namespace {

template <class T> bool lower_triangle_is_finite(const T* a, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j <= i; ++j)
      if (!std::isfinite(a[i * n + j])) return false;
  return true;
}

template <class T> void solve(Cpu& cpu, View<T, 2> w, View<T, 3> a) {
  const int64_t batch = a.shape[0], n = a.shape[1];
  check_shape("eigvals", a, {batch, n, n});
  check_shape("eigvals", w, {batch, n});
  if (w.size() == 0) return;
  prepare_blas(cpu.threads());
  const int64_t size = eigenvalues_work_size(n, a.data);
  const Arena::Frame frame(cpu.scratch());
  const auto work = cpu.scratch().take<T>({cpu.threads(), size}, "syevd workspace");
  const auto info = cpu.scratch().take<int>({batch}, "syevd info");
  for_chunks(cpu, batch, 1, [&](int64_t b, int64_t, int64_t) {
    T* matrix = &a(b, 0, 0);
    info[b] = lower_triangle_is_finite(matrix, n)
                  ? symmetric_eigenvalues(n, matrix, &w(b, 0), &work(omp_get_thread_num(), 0), size)
                  : kEigvalsNotFinite;
  });
  check_eigvals_info(info.data, batch, n);
}

}  // namespace

void check_eigvals_info(const int* info, int64_t batch, int64_t n) {
  for (int64_t b = 0; b < batch; ++b) {
    if (info[b] == 0) continue;
    const std::string which = "eigvals: matrix " + std::to_string(b) + " of " + std::to_string(batch) + " (" +
                              std::to_string(n) + "x" + std::to_string(n) + ")";
    if (info[b] == kEigvalsNotFinite)
      fail(ExitCode::numerical, which + " has an entry that is NaN or infinite; check the features it was made from");
    fail(ExitCode::numerical, which + ": the solver did not converge (info " + std::to_string(info[b]) +
                                  "); check the features it was made from for extreme values");
  }
}

void eigvals(Cpu& cpu, View<double, 2> w, View<double, 3> a) { solve(cpu, w, a); }
void eigvals(Cpu& cpu, View<float, 2> w, View<float, 3> a) { solve(cpu, w, a); }
void eigvals_batched(Cpu& cpu, View<double, 2> w, View<double, 3> a) { solve(cpu, w, a); }
void eigvecs(Cpu&, View<double, 1> w, View<double, 2> a) {
  check_shape("eigvecs", a, {w.shape[0], w.shape[0]});
  symmetric_eigenvectors(w.shape[0], a.data, w.data);
}

}  // namespace crc
