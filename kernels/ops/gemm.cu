#include "kernels/cuda/contest.h"
#include "kernels/cuda/cublas.h"
#include "kernels/ops/gemm.h"
#include "kernels/ops/tf32x3.h"

namespace crc {
namespace {

// Whether tf32x3.h computes a product of fp32 arrays: the gate's choice.
template <int R, class Plain, class Split>
bool splits(Cuda& cuda, const GemmConfig& config, const char* op, View<float, R> c, int64_t k, int64_t bytes,
            const Plain& plain, const Split& split) {
  if (!config.tf32x3 || config.tf32 || config.beta != 0 || cuda.capability() < kTf32Capability) return false;
  const std::string key = op + (" " + shape_string(c)) + " over " + std::to_string(k) +
                          (config.transpose_a ? " a^T" : "") + (config.transpose_b ? " b^T" : "") + " f32";
  return choose_way(cuda, key, {{"cuBLAS", plain}, {kTf32x3, split, bytes}}, {Contested(c)},
                    2 * tolerance(NumericClass::library, Dtype::f32, k)) == 1;
}

template <class T>
void multiply(Cuda& cuda, View<T, 2> c, View<const T, 2> a, View<const T, 2> b, const GemmConfig& config) {
  const int64_t k = check_gemm(c, a, b, config);
  if (c.size() == 0) return;
  cublas_gemm(cuda, {config.transpose_a, config.transpose_b, c.shape[0], c.shape[1], k, config.tf32}, config.alpha,
              a.data, b.data, config.beta, c.data);
}

// One strided batch over i for every r: cuBLAS has one stride per matrix.
template <class T>
void multiply_batched(Cuda& cuda, View<T, 4> c, View<const T, 4> a, View<const T, 4> b, const GemmConfig& config) {
  const int64_t m = c.shape[2], n = c.shape[3], k = check_gemm_batched(c, a, b, config);
  if (c.size() == 0) return;
  const int64_t repeats = c.shape[1], b_repeats = b.shape[1];
  for (int64_t r = 0; r < repeats; ++r)
    cublas_gemm_batched(cuda, {config.transpose_a, config.transpose_b, m, n, k, config.tf32},
                        {c.shape[0], repeats * m * k, b_repeats * k * n, repeats * m * n}, config.alpha,
                        a.data + r * m * k, b.data + (b_repeats == 1 ? 0 : r * k * n), config.beta, c.data + r * m * n);
}

}  // namespace

void gemm(Cuda& cuda, View<float, 2> c, View<const float, 2> a, View<const float, 2> b, GemmConfig config) {
  const int64_t k = check_gemm(c, a, b, config);
  if (c.size() == 0) return;
  const auto plain = [&] { multiply(cuda, c, a, b, config); };
  const auto split = [&] { gemm_tf32x3(cuda, c, a, b, config); };
  const int64_t bytes =
      config.transpose_a ? tf32x3_bytes(1, a.size(), b.size()) : tf32x3_bytes(c.shape[0], k, b.size());
  if (splits(cuda, config, "gemm", c, k, bytes, plain, split)) return split();
  plain();
}
void gemm(Cuda& cuda, View<double, 2> c, View<const double, 2> a, View<const double, 2> b, GemmConfig config) {
  multiply(cuda, c, a, b, config);
}
void gemm(Cuda& cuda, View<bf16, 2> c, View<const bf16, 2> a, View<const bf16, 2> b, GemmConfig config) {
  multiply(cuda, c, a, b, config);
}
void gemm_batched(Cuda& cuda, View<float, 4> c, View<const float, 4> a, View<const float, 4> b, GemmConfig config) {
  const int64_t k = check_gemm_batched(c, a, b, config);
  if (c.size() == 0) return;
  const auto plain = [&] { multiply_batched(cuda, c, a, b, config); };
  const auto split = [&] { gemm_batched_tf32x3(cuda, c, a, b, config); };
  const char* op = b.shape[1] == 1 ? "gemm_batched by one b" : "gemm_batched";
  const int64_t bytes = tf32x3_bytes(c.shape[0], (a.size() + b.size()) / c.shape[0], 0);
  if (splits(cuda, config, op, c, k, bytes, plain, split)) return split();
  plain();
}
void gemm_batched(Cuda& cuda, View<double, 4> c, View<const double, 4> a, View<const double, 4> b, GemmConfig config) {
  multiply_batched(cuda, c, a, b, config);
}

}  // namespace crc
