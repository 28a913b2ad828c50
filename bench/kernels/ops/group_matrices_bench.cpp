#include <numeric>

#include "bench/cases.h"
#include "kernels/ops/group_matrices.h"

namespace crc::bench {

// Groups of 10 out of a pool, rank 129 as in WRN-28-2's last layer with bias, 100 labelled.
void group_matrices_cases(Suite& suite) {
  const int64_t groups = suite.scale.at_most(256, 2), pool = suite.scale.at_most(10000, 20);
  const int64_t labeled = suite.scale.at_most(100, 5), group = 10, rank = 129, n = labeled + group;
  const auto triangle = [](int64_t k) { return double(k * (k + 1) / 2); };
  suite.add(
      {.op = "gram_matrices",
       .shape = extents(groups, n, n) + " f64",
       .flops = 2.0 * double(groups * rank) * triangle(group),
       .bytes = 8.0 * double(groups) * (2 * triangle(n) + double(group * rank)),
       .arithmetic = Arithmetic::fp64,
       .setup = [=](Inputs& in) {
         const auto a = in.uniform<double, 3>({groups, n, n});
         const auto k_ll = in.uniform<double, 2>({labeled, labeled}), k_ul = in.uniform<double, 2>({pool, labeled});
         const auto v_u = in.uniform<double, 2>({pool, rank});
         const auto members = in.uniform<int64_t, 2>({groups, group}, 0, double(pool));
         return Run([=, &context = in.context] { gram_matrices(context, a, k_ll, k_ul, v_u, members); },
                    [=](const Oracle& oracle, const Run::Work& work) {
                      const auto ll = oracle.host(k_ll), ul = oracle.host(k_ul), v = oracle.host(v_u);
                      const auto ids = oracle.host(members);
                      oracle.zero(a);
                      work();
                      return oracle.compare(a, NumericClass::point, [&](int64_t index) {
                        const int64_t b = index / n / n, i = index / n % n, j = index % n;
                        if (j > i) return 0.0;  // only the lower triangle is written
                        if (i < labeled) return ll[size_t(i * labeled + j)];
                        const int64_t x = ids[size_t(b * group + i - labeled)];
                        if (j < labeled) return ul[size_t(x * labeled + j)];
                        const int64_t y = ids[size_t(b * group + j - labeled)];
                        return std::inner_product(v.begin() + x * rank, v.begin() + (x + 1) * rank,
                                                  v.begin() + y * rank, 0.0);
                      });
                    });
       }});
  suite.add({.op = "moment_matrices",
             .shape = extents(groups, rank, rank) + " f64",
             .flops = 2.0 * double(groups * group) * triangle(rank),
             .bytes = 8.0 * double(groups) * (triangle(rank) + double(group * rank)),
             .arithmetic = Arithmetic::fp64,
             .setup = [=](Inputs& in) {
               const auto a = in.uniform<double, 3>({groups, rank, rank});
               const auto m_l = in.uniform<double, 2>({rank, rank}), v_u = in.uniform<double, 2>({pool, rank});
               const auto members = in.uniform<int64_t, 2>({groups, group}, 0, double(pool));
               return Run([=, &context = in.context] { moment_matrices(context, a, m_l, v_u, members); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto m = oracle.host(m_l), v = oracle.host(v_u);
                            const auto ids = oracle.host(members);
                            oracle.zero(a);
                            work();
                            return oracle.compare(a, NumericClass::point, [&](int64_t index) {
                              const int64_t b = index / rank / rank, i = index / rank % rank, j = index % rank;
                              if (j > i) return 0.0;
                              double total = m[size_t(i * rank + j)];
                              for (int64_t g = 0; g < group; ++g) {
                                const int64_t x = ids[size_t(b * group + g)];
                                total += v[size_t(x * rank + i)] * v[size_t(x * rank + j)];
                              }
                              return total;
                            });
                          });
             }});
}

}  // namespace crc::bench
