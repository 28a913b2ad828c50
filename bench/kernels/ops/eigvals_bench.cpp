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
                   return [=, &context = in.context] {
                     context.copy(a, source);  // the op destroys its input
                     eigvals(context, w, a);
                   };
                 },
             .capturable = false});
}

}  // namespace crc::bench
