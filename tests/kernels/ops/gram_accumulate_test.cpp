#include "kernels/ops/gram_accumulate.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class GramAccumulate : public OnDevice {
 protected:
  std::vector<double> run(int64_t batch, int64_t n, int64_t m, int64_t p, const std::vector<float>& a,
                          const std::vector<float>& c, const std::vector<double>& k) {
    const Guarded<float, 3> x(context, {batch, n, p}, a, "a"), y(context, {batch, m, p}, c, "c");
    Guarded<double, 3> out(context, {batch, n, m}, k, "k");
    gram_accumulate(context, out.view(), x, y);
    return out.get();
  }
};

constexpr struct {
  int64_t batch, n, m, p;
} kSizes[] = {{0, 2, 3, 4},
              {1, 1, 1, 1},
              {1, 3, 5, 0},
              {2, 3, 5, 7},
              {5, 2, 2, kCpuGramPanel},
              {1, 7, 3, kCpuGramPanel + 1},
              {3, 4, 2, 2 * kCudaGramPanel + 13}};

TEST_P(GramAccumulate, AddsTheInnerProducts) {
  for (const auto& s : kSizes) {
    const auto a = uniform(s.batch * s.n * s.p, 1), c = uniform(s.batch * s.m * s.p, 2);
    const auto k = cast<double>(uniform(s.batch * s.n * s.m, 3));
    std::vector<double> expected = k;
    for (int64_t b = 0; b < s.batch; ++b)
      for (int64_t i = 0; i < s.n; ++i)
        for (int64_t j = 0; j < s.m; ++j) {
          long double total = 0;
          for (int64_t d = 0; d < s.p; ++d)
            total += (long double)a[(b * s.n + i) * s.p + d] * c[(b * s.m + j) * s.p + d];
          expected[(b * s.n + i) * s.m + j] += double(total);
        }
    const auto actual = run(s.batch, s.n, s.m, s.p, a, c, k);
    expect_close(actual, expected, Class::library, Dtype::f64, "k", s.p);
    EXPECT_EQ(actual, run(s.batch, s.n, s.m, s.p, a, c, k)) << "not the same bits twice";
  }
}

TEST_P(GramAccumulate, OfAnArrayWithItselfIsTheSame) {
  const auto a = uniform(2 * 5 * 2100, 1);
  const Guarded<float, 3> x(context, {2, 5, 2100}, a, "a");
  Guarded<double, 3> k(context, {2, 5, 5}, std::vector<double>(50), "k");
  gram_accumulate(context, k.view(), x, x);
  EXPECT_EQ(k.get(), run(2, 5, 5, 2100, a, a, std::vector<double>(50)));
}

TEST_P(GramAccumulate, WrongShapeIsAnError) {
  const Guarded<float, 3> x(context, {1, 2, 3}, uniform(6, 1), "a"), y(context, {1, 2, 2}, uniform(4, 1), "c");
  Guarded<double, 3> k(context, {1, 2, 2}, std::vector<double>(4), "k");
  EXPECT_THROW(gram_accumulate(context, k.view(), x, y), Error);
}

CRC_ON_EACH_DEVICE(GramAccumulate);

}  // namespace
}  // namespace crc::test
