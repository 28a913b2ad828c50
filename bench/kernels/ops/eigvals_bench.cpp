#include "bench/cases.h"
#include "kernels/ops/eigvals.h"

namespace crc::bench {

void eigvals_cases(Suite& suite) {
  const int64_t n = 129, batch = suite.scale.at_most(suite.scale.cuda ? 512 : 32, 1);
  const double entries = double(batch * n * n);
  suite.add({.op = "eigvals",
             .shape = extents(batch, n, n) + " f64",
             .flops = 4.0 / 3.0 * double(n) * entries,  // reduction to tridiagonal form; the rest is O(n^2)
             .bytes = 24 * entries + 8.0 * double(batch * n),
             .arithmetic = Arithmetic::fp64,
             .setup =
                 [=](Inputs& in) {
                   const auto source = in.uniform<double, 3>({batch, n, n}), a = in.uniform<double, 3>({batch, n, n});
                   const auto w = in.uniform<double, 2>({batch, n});
                   return Run(
                       [=, &context = in.context] {
                         context.copy(a, source);  // the op destroys its input
                         eigvals(context, w, a);
                       },
                       [=](const Oracle& oracle, const Run::Work& work) {
                         const auto matrix = oracle.host(source);
                         oracle.poison(w);
                         work();
                         // Their sum is the trace: what is missing is shared out among them.
                         const auto found = oracle.host(w);
                         return oracle.compare(w, NumericClass::library, [&](int64_t i) {
                           long double missing = 0;
                           for (int64_t k = 0; k < n; ++k)
                             missing +=
                                 (long double)(matrix[size_t((i / n * n + k) * n + k)]) - found[size_t(i / n * n + k)];
                           return double(found[size_t(i)] + missing / n);
                         });
                       });
                 },
             .capturable = false,
             .path = suite.scale.cuda ? "cuSOLVER" : "LAPACK"});
  // One matrix with its vectors, as of a pool and of a labelled set: no vector may leave its line, A x = w x.
  suite.add({.op = "eigvecs",
             .shape = extents(n, n) + " f64",
             .flops = 9.0 * double(n * n * n),  // reduction, and the vectors turned back
             .bytes = 16.0 * double(n * n),
             .arithmetic = Arithmetic::fp64,
             .setup =
                 [=](Inputs& in) {
                   const auto source = in.uniform<double, 2>({n, n}), a = in.uniform<double, 2>({n, n});
                   const auto w = in.uniform<double, 1>({n});
                   return Run(
                       [=, &context = in.context] {
                         context.copy(a, source);
                         eigvecs(context, w, a);
                       },
                       [=](const Oracle& oracle, const Run::Work& work) {
                         const auto matrix = oracle.host(source);
                         oracle.poison(w);
                         work();
                         const auto vectors = oracle.host(a);  // rows
                         return oracle.compare(w, NumericClass::library, [&](int64_t k) {
                           long double quotient = 0;
                           for (int64_t i = 0; i < n; ++i)
                             for (int64_t j = 0; j < n; ++j)
                               quotient += (long double)(matrix[size_t(std::max(i, j) * n + std::min(i, j))]) *
                                           vectors[size_t(k * n + i)] * vectors[size_t(k * n + j)];
                           return double(quotient);
                         });
                       });
                 },
             .capturable = false,
             .path = suite.scale.cuda ? "cuSOLVER" : "LAPACK"});
}

}  // namespace crc::bench
