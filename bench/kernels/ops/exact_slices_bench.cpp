#include <cmath>

#include "bench/cases.h"
#include "kernels/ops/exact_slices.h"

namespace crc::bench {

// A labelled set with features of WRN-28-2, in three slices.
void exact_slices_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(1000, 10), width = 129, slices = 3, bits = 21;
  suite.add({.op = "exact_slices",
             .shape = extents(slices, n, width) + " f64",
             .bytes = 8.0 * double((slices + 1) * n * width),
             .arithmetic = Arithmetic::fp64,
             .setup = [=](Inputs& in) {
               const auto a = in.uniform<double, 2>({n, width});
               const auto unit = in.uniform<double, 1>({width}, 1, 1);
               const auto cut = in.uniform<double, 3>({slices, n, width});
               return Run([=, &context = in.context] { exact_slices(context, cut, a, unit, bits); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto rows = oracle.host(a);
                            oracle.poison(cut);
                            work();
                            const auto found = oracle.host(cut);
                            // The first slice is the entry rounded; each further one what is missing so far, rounded.
                            return oracle.compare(cut, NumericClass::exact, [&](int64_t k) {
                              const int64_t s = k / (n * width), at = k % (n * width);
                              long double rest = rows[size_t(at)];
                              for (int64_t t = 0; t < s; ++t)
                                rest -= std::ldexp(found[size_t(t * n * width + at)], int(-bits * (t + 1)));
                              return double(std::nearbyint(std::ldexp(rest, int(bits * (s + 1)))));
                            });
                          });
             }});
}

}  // namespace crc::bench
