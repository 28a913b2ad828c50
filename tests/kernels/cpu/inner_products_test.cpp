#include "kernels/cpu/inner_products.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/core/random.h"

namespace crc::test {
namespace {

struct ProductCase {
  std::vector<double> x, y, out;

  explicit ProductCase(int64_t depth) : x(depth * kDownPairs), y(depth * kWidePairs), out(kDownPairs * kWidePairs) {
    Draws draw(uint32_t(depth), Purpose::test, 0, 0);
    for (auto* values : {&x, &y, &out})
      for (double& v : *values) v = draw.uniform() - 0.5;
  }
  std::vector<double> chains() const {
    std::vector<double> sums = out;
    for (int64_t d = 0; d < int64_t(x.size()) / kDownPairs; ++d)
      for (int64_t i = 0; i < kDownPairs; ++i)
        for (int64_t j = 0; j < kWidePairs; ++j)
          sums[i * kWidePairs + j] = std::fma(x[d * kDownPairs + i], y[d * kWidePairs + j], sums[i * kWidePairs + j]);
    return sums;
  }
  // In two calls, cut at `cut` columns.
  template <class F> std::vector<double> by(F&& add, int64_t cut) const {
    std::vector<double> sums = out;
    const int64_t depth = int64_t(x.size()) / kDownPairs;
    add(sums.data(), x.data(), y.data(), cut);
    add(sums.data(), x.data() + cut * kDownPairs, y.data() + cut * kWidePairs, depth - cut);
    return sums;
  }
};

TEST(InnerProducts, AreChainsOfFusedMultiplyAdds) {
  for (const int64_t depth : {0, 1, 7, 384})
    for (const int64_t cut : {int64_t(0), depth / 3, depth}) {
      const ProductCase c(depth);
      EXPECT_EQ(c.by(add_products_by_4, cut), c.chains()) << depth << " cut at " << cut;
    }
}

TEST(InnerProducts, HaveTheSameBitsByLanesOf8) {
#if defined(__AVX2__) && defined(__FMA__)
  if (!kHasLanesOf8) GTEST_SKIP() << "this CPU has no AVX-512";
  for (const int64_t depth : {0, 1, 7, 384}) {
    const ProductCase c(depth);
    EXPECT_EQ(c.by(add_products_by_8, depth / 3), c.chains()) << depth;
  }
#else
  GTEST_SKIP() << "the build has no AVX2";
#endif
}

}  // namespace
}  // namespace crc::test
