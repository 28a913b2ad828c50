#include "kernels/ops/exact_slices.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class ExactSlicesOp : public OnDevice {};

TEST_P(ExactSlicesOp, AreIntegersThatAddUpToTheEntries) {
  constexpr int64_t kRows = 131, kWidth = 7, kBits = 21, kSlices = 3;
  std::vector<double> a = cast<double>(uniform(kRows * kWidth, 1)), unit;
  for (int64_t j = 0; j < kWidth; ++j) unit.push_back(std::ldexp(1.0, int(j) - 3));
  for (int64_t k = 0; k < kRows * kWidth; ++k) a[k] *= (1 + 0x1p-30) / unit[k % kWidth];  // more than 24 bits
  const Guarded<double, 2> rows(context, {kRows, kWidth}, a, "a");
  const Guarded<double, 1> units(context, {kWidth}, unit, "unit");
  Guarded<double, 3> slices(context, {kSlices, kRows, kWidth}, std::vector<double>(kSlices * a.size()), "slices");
  exact_slices(context, slices.view(), rows, units, kBits);
  const auto found = slices.get();
  for (size_t k = 0; k < a.size(); ++k) {
    long double sum = 0;
    for (int64_t s = 0; s < kSlices; ++s) {
      const double integer = found[size_t(s) * a.size() + k];
      EXPECT_EQ(integer, std::floor(integer));
      EXPECT_LE(std::abs(integer), std::ldexp(1.0, kBits));
      sum += (long double)std::ldexp(integer, int(-kBits * (s + 1)));
    }
    EXPECT_NEAR(double(sum - (long double)a[k] * unit[k % kWidth]), 0, 0x1p-63);  // half a unit of the last slice
  }
}

// Against the products in 113 bits: one rounding of each addition.
TEST_P(ExactSlicesOp, ProductsAreJoined) {
  for (const int64_t slices : {1, 2, 3, 4, 5}) {
    constexpr int64_t kWidth = 6, kBits = 11;
    std::vector<double> products;
    for (const float x : uniform(slice_products(slices) * kWidth * kWidth, 2, -1e6f, 1e6f))
      products.push_back(std::floor(x));
    const std::vector<int32_t> exponents{0, 3, -2, 10, -30, 1};
    const Guarded<double, 3> p(context, {slice_products(slices), kWidth, kWidth}, products, "products");
    const Guarded<int32_t, 1> e(context, {kWidth}, exponents, "exponents");
    Guarded<double, 2> m(context, {kWidth, kWidth}, std::vector<double>(kWidth * kWidth), "m");
    join_slices(context, m.view(), p, e, slices, kBits);
    const auto found = m.get();
    for (int64_t i = 0; i < kWidth; ++i)
      for (int64_t j = 0; j < kWidth; ++j) {
        __float128 total = 0;
        double largest = 0;
        const double* at = products.data();
        for (int64_t s = 0; s < slices; ++s)
          for (int64_t t = s; s + t < slices; ++t, at += kWidth * kWidth) {
            const double sum = at[i * kWidth + j] + (s == t ? 0 : at[j * kWidth + i]);
            // of s == t only the lower triangle is read
            const double read = s == t ? at[std::max(i, j) * kWidth + std::min(i, j)] : sum;
            const double term = std::ldexp(read, int(-kBits * (s + t + 2)));
            total += term, largest = std::max(largest, std::abs(term));
          }
        const double scale = std::ldexp(1.0, exponents[i] + exponents[j]);
        EXPECT_NEAR(found[i * kWidth + j], double(total) * scale,
                    tolerance(Class::point, Dtype::f64) * largest * scale);
      }
  }
}

TEST_P(ExactSlicesOp, WrongShapesAreErrors) {
  const Guarded<double, 2> a(context, {2, 3}, std::vector<double>(6), "a");
  const Guarded<double, 1> unit(context, {2}, {1, 1}, "unit");
  Guarded<double, 3> slices(context, {1, 2, 3}, std::vector<double>(6), "slices");
  EXPECT_THROW(exact_slices(context, slices.view(), a, unit, 20), Error);
  const Guarded<int32_t, 1> exponents(context, {3}, {0, 0, 0}, "exponents");
  Guarded<double, 2> m(context, {3, 3}, std::vector<double>(9), "m");
  const Guarded<double, 3> products(context, {3, 3, 3}, std::vector<double>(27), "products");
  EXPECT_THROW(join_slices(context, m.view(), products, exponents, 3, 20), Error);  // three slices have four products
}

CRC_ON_EACH_DEVICE(ExactSlicesOp);

}  // namespace
}  // namespace crc::test
