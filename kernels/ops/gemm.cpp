#include "kernels/ops/gemm.h"

#include <cblas.h>

#include <algorithm>

#include "kernels/cpu/for_each.h"
#include "kernels/cpu/lapack.h"
#include "kernels/cpu/onednn.h"

namespace crc {
namespace {

// Rows of c per call of BLAS: enough calls to share out, each large enough to pay for packing b.
int64_t rows_per_call(int64_t m) { return std::clamp<int64_t>((m + 127) / 128 * 8, 32, 512); }

void blas(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, double alpha, const float* a, int lda,
          const float* b, int ldb, double beta, float* c) {
  cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, float(alpha), a, lda, b, ldb, float(beta), c, n);
}
void blas(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, double alpha, const double* a, int lda,
          const double* b, int ldb, double beta, double* c) {
  cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, n);
}

template <class T>
void multiply(Cpu& cpu, View<T, 2> c, View<const T, 2> a, View<const T, 2> b, const GemmConfig& config) {
  const int64_t m = c.shape[0], n = c.shape[1], k = check_gemm(c, a, b, config);
  if (c.size() == 0) return;
  prepare_blas(cpu.threads());
  const auto transpose = [](bool t) { return t ? CblasTrans : CblasNoTrans; };
  const int lda = int(std::max<int64_t>(1, a.shape[1])), ldb = int(std::max<int64_t>(1, b.shape[1]));
  for_chunks(cpu, m, rows_per_call(m), [&](int64_t, int64_t begin, int64_t end) {
    const T* rows = a.data + (config.transpose_a ? begin : begin * k);
    blas(transpose(config.transpose_a), transpose(config.transpose_b), int(end - begin), int(n), int(k), config.alpha,
         rows, lda, b.data, ldb, config.beta, c.data + begin * n);
  });
}

// One product per call of BLAS, each on one thread.
template <class T>
void multiply_batched(Cpu& cpu, View<T, 4> c, View<const T, 4> a, View<const T, 4> b, const GemmConfig& config) {
  const int64_t m = c.shape[2], n = c.shape[3], k = check_gemm_batched(c, a, b, config), repeats = c.shape[1];
  if (c.size() == 0) return;
  prepare_blas(cpu.threads());
  const auto transpose = [](bool t) { return t ? CblasTrans : CblasNoTrans; };
  const int lda = int(std::max<int64_t>(1, a.shape[3])), ldb = int(std::max<int64_t>(1, b.shape[3]));
  for_chunks(cpu, c.shape[0] * repeats, 1, [&](int64_t p, int64_t, int64_t) {
    blas(transpose(config.transpose_a), transpose(config.transpose_b), int(m), int(n), int(k), config.alpha,
         a.data + p * m * k, lda, b.data + (b.shape[1] == 1 ? p / repeats : p) * k * n, ldb, config.beta,
         c.data + p * m * n);
  });
}

}  // namespace

void gemm(Cpu& cpu, View<float, 2> c, View<const float, 2> a, View<const float, 2> b, GemmConfig config) {
  multiply(cpu, c, a, b, config);
}
void gemm(Cpu& cpu, View<double, 2> c, View<const double, 2> a, View<const double, 2> b, GemmConfig config) {
  multiply(cpu, c, a, b, config);
}
void gemm(Cpu& cpu, View<bf16, 2> c, View<const bf16, 2> a, View<const bf16, 2> b, GemmConfig config) {
  const int64_t k = check_gemm(c, a, b, config);
  const float alpha = float(config.alpha), beta = float(config.beta);
  if (c.size() == 0) return;
  if (k == 0) return for_each(cpu, c.size(), [=](int64_t i) { c[i] = bf16(beta == 0 ? 0 : beta * float(c[i])); });
  cpu.onednn().matmul(cpu, {c.shape[0], c.shape[1], k, config.transpose_a, config.transpose_b, alpha, beta}, a.data,
                      b.data, c.data);
}
void gemm_batched(Cpu& cpu, View<float, 4> c, View<const float, 4> a, View<const float, 4> b, GemmConfig config) {
  multiply_batched(cpu, c, a, b, config);
}
void gemm_batched(Cpu& cpu, View<double, 4> c, View<const double, 4> a, View<const double, 4> b, GemmConfig config) {
  multiply_batched(cpu, c, a, b, config);
}

}  // namespace crc
