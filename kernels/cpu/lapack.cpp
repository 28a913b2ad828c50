#include "kernels/cpu/lapack.h"

#include <cblas.h>
#include <lapacke.h>

#include <sstream>
#include <string>

#include "kernels/core/error.h"

namespace crc {
namespace {
// Row-major lower is column-major upper: LAPACK's own order, without the copies LAPACKE makes for row-major arrays.
constexpr int kOrder = LAPACK_COL_MAJOR;
constexpr char kTriangle = 'U';
}  // namespace

void use_one_blas_thread() { openblas_set_num_threads(1); }

std::string openblas_version() {
  std::istringstream config(openblas_get_config());  // "OpenBLAS 0.3.21 DYNAMIC_ARCH ..."
  std::string name, version;
  config >> name >> version;
  return version + ", " + openblas_get_corename() + " kernels";
}
std::string lapack_version() {
  lapack_int major = 0, minor = 0, patch = 0;
  LAPACKE_ilaver(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

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
