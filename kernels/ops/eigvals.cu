#include <vector>

#include "kernels/cuda/cusolver.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/ops/eigvals.h"

namespace crc {
namespace {

constexpr int kThreads = 256;

// One block per matrix. cuSOLVER must never see a NaN: its iteration need not end.
template <class T> __global__ void find_nonfinite(const T* a, int64_t n, int* info) {
  const T* matrix = a + blockIdx.x * n * n;
  int found = 0;
  for (int64_t k = threadIdx.x; k < n * n; k += kThreads)
    if (k % n <= k / n && !(matrix[k] - matrix[k] == T(0))) found = 1;
  found = block_reduce<kThreads>(found, Max{}, 0);
  if (threadIdx.x == 0) info[blockIdx.x] = found ? kEigvalsNotFinite : 0;
}

// library(batch, n, a, w, info) solves.
template <class T, class Library> void solve(Cuda& cuda, View<T, 2> w, View<T, 3> a, const Library& library) {
  const int64_t batch = a.shape[0], n = a.shape[1];
  check_shape("eigvals", a, {batch, n, n});
  check_shape("eigvals", w, {batch, n});
  if (w.size() == 0) return;
  const Arena::Frame frame(cuda.scratch());
  const auto info = cuda.scratch().take<int>({batch}, "syevd info");
  std::vector<int> host(batch);
  const auto check_info = [&] {
    copy_out(cuda, host.data(), info.data, batch * int64_t(sizeof(int)));
    check_eigvals_info(host.data(), batch, n);
  };
  launch(cuda, "eigvals", find_nonfinite<T>, {.blocks = dim3(unsigned(batch)), .threads = dim3(kThreads)}, a.data, n,
         info.data);
  check_info();
  library(batch, n, info.data);
  check_info();
}

}  // namespace

void eigvals(Cuda& cuda, View<double, 2> w, View<double, 3> a) {
  solve(cuda, w, a,
        [&](int64_t batch, int64_t n, int* info) { cusolver_eigenvalues(cuda, batch, n, a.data, w.data, info); });
}
void eigvals(Cuda& cuda, View<float, 2> w, View<float, 3> a) {
  solve(cuda, w, a,
        [&](int64_t batch, int64_t n, int* info) { cusolver_eigenvalues(cuda, batch, n, a.data, w.data, info); });
}
void eigvals_batched(Cuda& cuda, View<double, 2> w, View<double, 3> a) {
  solve(cuda, w, a, [&](int64_t batch, int64_t n, int* info) {
    cusolver_eigenvalues_batched(cuda, batch, n, a.data, w.data, info);
  });
}
void eigvecs(Cuda& cuda, View<double, 1> w, View<double, 2> a) {
  const int64_t n = w.shape[0];
  check_shape("eigvecs", a, {n, n});
  solve(cuda, View<double, 2>{w.data, {1, n}, w.device, w.name}, View<double, 3>{a.data, {1, n, n}, a.device, a.name},
        [&](int64_t, int64_t, int* info) { cusolver_eigenvectors(cuda, n, a.data, w.data, info); });
}

}  // namespace crc
