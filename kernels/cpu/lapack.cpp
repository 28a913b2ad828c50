#include "kernels/cpu/lapack.h"

#include <cblas.h>
#include <lapacke.h>
#include <omp.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "kernels/core/error.h"

// OpenBLAS calls this while it is loaded, to start a thread for every core; the linker lets ours stand in for it. No
// thread of it is ever used here, and where it gets none, or no memory for it, it ends the program or waits for ever.
extern "C" int blas_thread_init() { return 0; }

// OpenBLAS's own; absent from other libraries of this interface.
extern "C" __attribute__((weak)) void* blas_memory_alloc(int);
extern "C" __attribute__((weak)) void blas_memory_free(void*);
extern "C" __attribute__((weak)) void gotoblas_dynamic_quit();
extern "C" __attribute__((weak)) void gotoblas_dynamic_init();

namespace crc {
namespace {

constexpr int64_t kBufferBytes = 130ll << 20;  // 128 MB and a margin on x86-64, less elsewhere
constexpr int kMostBuffers = 64;               // OpenBLAS is built for so many threads

// For a processor that is newer than it OpenBLAS has kernels of 2004: slow, and their bits depend on where an array begins.
// Debian 12's takes them on Intel's of 2023. It chooses again here, before anybody has called it, as it would be told to by
// its own variable; who has set that has chosen already. Returns whether kernels changed.
bool choose_kernels() {
#if defined(__x86_64__)
  constexpr const char* kVariable = "OPENBLAS_CORETYPE";
  const auto has_all = [](auto... has) { return (has && ...); };
  const bool avx2 = has_all(__builtin_cpu_supports("avx2"), __builtin_cpu_supports("fma")),
             avx512 = has_all(__builtin_cpu_supports("avx512f"), __builtin_cpu_supports("avx512cd"),
                              __builtin_cpu_supports("avx512bw"), __builtin_cpu_supports("avx512dq"),
                              __builtin_cpu_supports("avx512vl"));
  if (!avx2 || !gotoblas_dynamic_quit || !gotoblas_dynamic_init || std::getenv(kVariable)) return false;
  if (std::string(openblas_get_corename()) != "Prescott") return false;
  if (::setenv(kVariable, avx512 ? "SkylakeX" : "Haswell", 0) != 0) return false;
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  ::unsetenv(kVariable);
  return true;
#else
  return false;
#endif
}
[[maybe_unused]] const bool g_kernels_chosen = choose_kernels();

// Whether the address space can still grow so far.
bool has_room(int64_t bytes) {
  void* data = ::mmap(nullptr, size_t(bytes), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return data != MAP_FAILED && ::munmap(data, size_t(bytes)) == 0;
}

// Row-major lower is column-major upper: LAPACK's own order, without the copies LAPACKE makes for row-major arrays.
constexpr int kOrder = LAPACK_COL_MAJOR;
constexpr char kTriangle = 'U';

std::mutex g_guests_mutex;
int g_guests = 0, g_host_threads = 0;  // of KeepThreads
}  // namespace

KeepThreads::KeepThreads() : openmp_(omp_get_max_threads()) {
  const std::lock_guard lock(g_guests_mutex);
  if (g_guests++ == 0) g_host_threads = openblas_get_num_threads();
}
KeepThreads::~KeepThreads() {
  omp_set_num_threads(openmp_);
  const std::lock_guard lock(g_guests_mutex);
  if (--g_guests == 0) openblas_set_num_threads(g_host_threads);
}

void prepare_blas(int threads) {
  static std::mutex mutex;
  static int prepared = 0, callers = 0;
  thread_local int ours = 0;  // among the callers: several runs of a process call at a time
  const std::lock_guard lock(mutex);
  openblas_set_num_threads(1);
  if (threads > ours) callers += threads - std::exchange(ours, threads);
  threads = std::min(callers, kMostBuffers);
  if (threads <= prepared || !blas_memory_alloc) return;
  std::vector<void*> buffers;
  buffers.reserve(size_t(threads));
  while (int(buffers.size()) < threads && (int(buffers.size()) < prepared || has_room(kBufferBytes)))
    buffers.push_back(blas_memory_alloc(0));
  for (void* buffer : buffers) blas_memory_free(buffer);  // OpenBLAS keeps them for its next calls
  prepared = std::max(prepared, int(buffers.size()));
  if (prepared < threads)
    fail(ExitCode::out_of_memory, "OpenBLAS needs " + std::to_string(kBufferBytes) +
                                      " bytes of address space for each of " + std::to_string(threads) +
                                      " threads, and only " + std::to_string(prepared) +
                                      " get them; use fewer threads, or allow more (ulimit -v)");
}

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
  prepare_blas(1);
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
  prepare_blas(1);
  const int info = LAPACKE_dsyevd(kOrder, 'V', kTriangle, lapack_int(n), a, lapack_int(n), w);
  if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
    fail(ExitCode::out_of_memory, "no memory for the eigenvectors of a " + std::to_string(n) + "x" + std::to_string(n) +
                                      " matrix: about " + std::to_string(2 * n * n * int64_t(sizeof(double))) +
                                      " bytes are needed");
  if (info != 0)
    fail(ExitCode::numerical, "the eigenvectors of a " + std::to_string(n) + "x" + std::to_string(n) +
                                  " symmetric matrix were not found (LAPACK dsyevd, info " + std::to_string(info) +
                                  "); check its entries for NaN and for extreme values");
}

}  // namespace crc
