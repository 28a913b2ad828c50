#include "kernels/cpu/lapack.h"

#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/core/error.h"

namespace crc {
namespace {
// Row-major lower is column-major upper: LAPACK's own order, without the copies LAPACKE makes for row-major arrays.
constexpr int kOrder = LAPACK_COL_MAJOR;
constexpr char kTriangle = 'U';
}  // namespace

void use_one_blas_thread() { openblas_set_num_threads(1); }

int64_t eigenvalues_work_size(int64_t n, const double*) {
  double size = 0, a = 0, w = 0;
  lapack_int integers = 0;
  LAPACKE_dsyevd_work(kOrder, 'N', kTriangle, lapack_int(n), &a, lapack_int(n), &w, &size, -1, &integers, -1);
  return int64_t(size);
}
int64_t eigenvalues_work_size(int64_t n, const float*) {
  float size = 0, a = 0, w = 0;
  lapack_int integers = 0;
  LAPACKE_ssyevd_work(kOrder, 'N', kTriangle, lapack_int(n), &a, lapack_int(n), &w, &size, -1, &integers, -1);
  return int64_t(size);
}

// Job N needs one integer of workspace.
int symmetric_eigenvalues(int64_t n, double* a, double* w, double* work, int64_t work_size) {
  lapack_int integers = 0;
  return LAPACKE_dsyevd_work(kOrder, 'N', kTriangle, lapack_int(n), a, lapack_int(n), w, work, lapack_int(work_size),
                             &integers, 1);
}
int symmetric_eigenvalues(int64_t n, float* a, float* w, float* work, int64_t work_size) {
  lapack_int integers = 0;
  return LAPACKE_ssyevd_work(kOrder, 'N', kTriangle, lapack_int(n), a, lapack_int(n), w, work, lapack_int(work_size),
                             &integers, 1);
}

// Row-major [rows,columns] is its transpose in column-major order: right singular vectors are LAPACK's left ones.
int64_t singular_values_work_size(int64_t rows, int64_t columns) {
  double size = 0, a = 0, s = 0;
  LAPACKE_dgesvd_work(kOrder, 'N', 'N', lapack_int(columns), lapack_int(rows), &a, lapack_int(columns), &s, nullptr,
                      lapack_int(columns), nullptr, lapack_int(rows), &size, -1);
  return int64_t(size);
}

int singular_values(int64_t rows, int64_t columns, double* a, double* s, double* work, int64_t work_size) {
  return LAPACKE_dgesvd_work(kOrder, 'N', 'N', lapack_int(columns), lapack_int(rows), a, lapack_int(columns), s,
                             nullptr, lapack_int(columns), nullptr, lapack_int(rows), work, lapack_int(work_size));
}

void singular_vectors(int64_t rows, int64_t columns, double* a, double* s, double* v) {
  if (rows == 0) {  // everything is null space
    for (int64_t k = 0; k < columns * columns; ++k) v[k] = k % (columns + 1) == 0 ? 1 : 0;
    return;
  }
  use_one_blas_thread();
  std::vector<double> unconverged(size_t(std::min(rows, columns)));
  const int info = LAPACKE_dgesvd(kOrder, 'A', 'N', lapack_int(columns), lapack_int(rows), a, lapack_int(columns), s, v,
                                  lapack_int(columns), nullptr, lapack_int(rows), unconverged.data());
  if (info != 0)
    fail(ExitCode::numerical, "the singular vectors of a " + std::to_string(rows) + "x" + std::to_string(columns) +
                                  " matrix were not found (LAPACK dgesvd, info " + std::to_string(info) +
                                  "); check its entries for NaN and for extreme values");
}

void symmetric_eigenvectors(int64_t n, double* a, double* w) {
  if (n == 0) return;
  use_one_blas_thread();
  const int info = LAPACKE_dsyevd(kOrder, 'V', kTriangle, lapack_int(n), a, lapack_int(n), w);
  if (info != 0)
    fail(ExitCode::numerical, "the eigenvectors of a " + std::to_string(n) + "x" + std::to_string(n) +
                                  " symmetric matrix were not found (LAPACK dsyevd, info " + std::to_string(info) +
                                  "); check its entries for NaN and for extreme values");
}

}  // namespace crc
