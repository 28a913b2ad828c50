#include "kernels/cpu/inner_products.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <vector>

#include "kernels/core/random.h"

namespace crc::test {
namespace {

template <class Number> struct ProductCase {
  static constexpr int64_t wide = kWide<Number>;
  std::vector<Number> x, y, out;

  explicit ProductCase(int64_t depth) : x(depth * kDownPairs), y(depth * wide), out(kDownPairs * wide) {
    Draws draw(uint32_t(depth), Purpose::test, 0, 0);
    for (auto* values : {&x, &y, &out})
      for (Number& v : *values) v = Number(draw.uniform() - 0.5);
  }
  std::vector<Number> chains() const {
    std::vector<Number> sums = out;
    for (int64_t d = 0; d < int64_t(x.size()) / kDownPairs; ++d)
      for (int64_t i = 0; i < kDownPairs; ++i)
        for (int64_t j = 0; j < wide; ++j)
          sums[i * wide + j] = std::fma(x[d * kDownPairs + i], y[d * wide + j], sums[i * wide + j]);
    return sums;
  }
  // In two calls, cut at `cut` columns.
  template <class F> std::vector<Number> by(F&& add, int64_t cut) const {
    std::vector<Number> sums = out;
    const int64_t depth = int64_t(x.size()) / kDownPairs;
    add(sums.data(), x.data(), y.data(), cut);
    add(sums.data(), x.data() + cut * kDownPairs, y.data() + cut * wide, depth - cut);
    return sums;
  }
};

TEST(InnerProducts, AreChainsOfFusedMultiplyAdds) {
  const auto half = [](auto* out, const auto* x, const auto* y, int64_t depth) {
    add_products_by_half(out, x, y, depth, kWide<std::remove_pointer_t<decltype(out)>>);
  };
  for (const int64_t depth : {0, 1, 7, 384})
    for (const int64_t cut : {int64_t(0), depth / 3, depth}) {
      const ProductCase<double> c(depth);
      EXPECT_EQ(c.by(half, cut), c.chains()) << depth << " cut at " << cut;
#if defined(__AVX2__) && defined(__FMA__)
      const ProductCase<float> f(depth);
      EXPECT_EQ(f.by(half, cut), f.chains()) << depth << " cut at " << cut;
#endif
    }
}

TEST(InnerProducts, HaveTheSameBitsByLanesOf8) {
#if defined(__AVX2__) && defined(__FMA__)
  if (!kHasLanesOf8) GTEST_SKIP() << "this CPU has no AVX-512";
  const auto whole = [](auto* out, const auto* x, const auto* y, int64_t depth) {
    add_products_by_whole<3>(out, x, y, depth);
  };
  for (const int64_t depth : {0, 1, 7, 384}) {
    const ProductCase<double> c(depth);
    EXPECT_EQ(c.by(whole, depth / 3), c.chains()) << depth;
    const ProductCase<float> f(depth);
    EXPECT_EQ(f.by(whole, depth / 3), f.chains()) << depth;
  }
#else
  GTEST_SKIP() << "the build has no AVX2";
#endif
}

template <class Number> void expect_first_columns() {
  constexpr int64_t wide = kWide<Number>, n = 2 * kDownPairs;
  const ProductCase<Number> c(200);
  for (int64_t columns = 1; columns <= wide; ++columns) {
    std::vector<Number> sums = c.out, tile(n * wide, Number(7)), rows = c.x;
    add_products(sums.data(), c.x.data(), c.y.data(), 200, columns);
    rows.insert(rows.end(), c.x.begin(), c.x.end());
    multiply_tile(tile.data(), rows.data(), n - 1, c.y.data(), columns, 200);
    for (int64_t i = 0; i < kDownPairs; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        Number inner = 0;
        for (int64_t d = 0; d < 200; ++d) inner = std::fma(c.x[d * kDownPairs + i], c.y[d * wide + j], inner);
        ASSERT_EQ(sums[i * wide + j], c.chains()[i * wide + j]) << columns << " columns, " << i << ", " << j;
        ASSERT_EQ(tile[i * wide + j], inner) << columns << " columns, " << i << ", " << j;
        ASSERT_EQ(tile[(kDownPairs + i) * wide + j], inner) << columns << " columns, " << i << ", " << j;
      }
  }
}

TEST(InnerProducts, OfTheFirstColumnsAreThoseOfAll) {
  expect_first_columns<double>();
#if defined(__AVX2__) && defined(__FMA__)
  expect_first_columns<float>();
#endif
}

}  // namespace
}  // namespace crc::test
