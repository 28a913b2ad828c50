#include <functional>
#include <numeric>

#include "bench/cases.h"
#include "kernels/ops/gemm.h"
#include "kernels/ops/tf32_split.h"
#include "kernels/ops/tf32x3.h"

namespace crc::bench {
namespace {

// c = a b^T by `multiply`, whose products sum up in fp64 here.
template <class T, class Multiply>
Run transposed_product(Inputs& in, int64_t m, int64_t n, int64_t k, Multiply multiply) {
  const auto a = in.uniform<T, 2>({m, k}), b = in.uniform<T, 2>({n, k});
  const auto c = in.uniform<T, 2>({m, n});
  return Run([=, &context = in.context] { multiply(context, c, a, b, GemmConfig{.transpose_b = true}); },
             [=](const Oracle& oracle, const Run::Work& work) {
               const auto x = oracle.host(a), y = oracle.host(b);
               oracle.poison(c);
               work();
               return oracle.compare(
                   c, NumericClass::library,
                   [&](int64_t i) {
                     return std::inner_product(x.begin() + i / n * k, x.begin() + (i / n + 1) * k,
                                               y.begin() + i % n * k, 0.0, std::plus<>(),
                                               [](T p, T q) { return double(p) * double(q); });
                   },
                   k);
             });
}

// The split itself, and what Jacobians make of it: 64 MiB of unfolded images by a layer's weights (nn/jacobian.cpp).
void tf32_cases(Suite& suite) {
  const int64_t rows = suite.scale.at_most(29127, 20), k = 576, n = 64;
  suite.add({.op = "tf32_split",
             .shape = extents(rows, k) + " f32",
             .bytes = 16.0 * double(rows * k),
             .setup = [=](Inputs& in) {
               const auto x = in.uniform<float, 2>({rows, k});
               const auto parts = in.uniform<float, 3>({rows, 3, k});
               return Run([=, &context = in.context] { tf32_split(context, parts, x, Factor::left); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto from = oracle.host(x);
                            oracle.poison(parts);
                            work();
                            return oracle.compare(parts, NumericClass::exact, [&](int64_t i) {
                              const Tf32Parts p = tf32_parts(from[size_t(i / (3 * k) * k + i % k)]);
                              return double(i / k % 3 == 2 ? p.low : p.high);
                            });
                          });
             }});
  suite.add({.op = "gemm_tf32x3",
             .shape = extents(rows, n, k) + " transposed b f32",
             .flops = 2.0 * double(rows * n * k),
             .bytes = 4.0 * double(rows * k + n * k + rows * n),
             .arithmetic = Arithmetic::fp32,
             .setup = [=](Inputs& in) {
               return transposed_product<float>(in, rows, n, k, [](auto& context, auto c, auto a, auto b, auto config) {
                 gemm_tf32x3(context, c, a, b, config);
               });
             }});
}

}  // namespace

// The products that scoring makes: features of labelled and unlabelled items against each other.
void gemm_cases(Suite& suite) {
  const int64_t items = suite.scale.at_most(10000, 20), labeled = suite.scale.at_most(1000, 10), d = 129;
  suite.add({.op = "gemm",
             .shape = extents(items, labeled, d) + " transposed b f64",
             .flops = 2.0 * double(items * labeled * d),
             .bytes = 8.0 * double(items * d + labeled * d + items * labeled),
             .arithmetic = Arithmetic::fp64,
             .setup =
                 [=](Inputs& in) {
                   return transposed_product<double>(
                       in, items, labeled, d,
                       [](auto& context, auto c, auto a, auto b, auto config) { gemm(context, c, a, b, config); });
                 },
             .path = suite.scale.cuda ? "cuBLAS" : "OpenBLAS"});
  tf32_cases(suite);
}

}  // namespace crc::bench
