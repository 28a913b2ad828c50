#include <numeric>

#include "bench/cases.h"
#include "kernels/ops/gemm.h"

namespace crc::bench {

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
                   const auto a = in.uniform<double, 2>({items, d}), b = in.uniform<double, 2>({labeled, d});
                   const auto c = in.uniform<double, 2>({items, labeled});
                   return Run([=, &context = in.context] { gemm(context, c, a, b, GemmConfig{.transpose_b = true}); },
                              [=](const Oracle& oracle, const Run::Work& work) {
                                const auto x = oracle.host(a), y = oracle.host(b);
                                oracle.poison(c);
                                work();
                                return oracle.compare(
                                    c, NumericClass::library,
                                    [&](int64_t i) {
                                      return std::inner_product(x.begin() + i / labeled * d,
                                                                x.begin() + (i / labeled + 1) * d,
                                                                y.begin() + i % labeled * d, 0.0);
                                    },
                                    d);
                              });
                 },
             .path = suite.scale.cuda ? "cuBLAS" : "OpenBLAS"});
}

}  // namespace crc::bench
