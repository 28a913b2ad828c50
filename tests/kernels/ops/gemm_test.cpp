#include "kernels/ops/gemm.h"

#include <cstring>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

template <class T> double wide(T value) {
  if constexpr (std::is_same_v<T, bf16>)
    return double(float(value));
  else
    return double(value);
}

template <class T> struct Product {
  int64_t m, n, k;
  GemmConfig config;
  std::vector<T> a, b, c;

  Product(int64_t rows, int64_t columns, int64_t inner, GemmConfig with)
      : m(rows),
        n(columns),
        k(inner),
        config(with),
        a(cast<T>(uniform(m * k, 1))),
        b(cast<T>(uniform(k * n, 2))),
        c(cast<T>(uniform(m * n, 3))) {}

  std::vector<T> run(Context& context) const {
    const bool ta = config.transpose_a, tb = config.transpose_b;
    Guarded<T, 2> x(context, {ta ? k : m, ta ? m : k}, a, "a");
    Guarded<T, 2> y(context, {tb ? n : k, tb ? k : n}, b, "b");
    Guarded<T, 2> z(context, {m, n}, c, "c");
    gemm(context, z.view(), x, y, config);
    return z.get();
  }
  std::vector<double> expected() const {
    std::vector<double> out(m * n);
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double total = 0;
        for (int64_t p = 0; p < k; ++p)
          total +=
              wide(a[config.transpose_a ? p * m + i : i * k + p]) * wide(b[config.transpose_b ? j * k + p : p * n + j]);
        out[i * n + j] = config.alpha * total + config.beta * wide(c[i * n + j]);
      }
    return out;
  }
};

class Gemm : public OnDevice {};

template <class T> void product_equals_the_equation(Context& context) {
  for (auto [m, n, k] : {std::tuple<int64_t, int64_t, int64_t>{1, 1, 1},
                         {7, 5, 3},
                         {31, 33, 32},
                         {0, 4, 4},
                         {4, 0, 4},
                         {5, 3, 0},
                         {129, 130, 257},
                         {960, 10, 128},
                         {1025, 17, 1}})
    for (bool ta : {false, true})
      for (bool tb : {false, true})
        for (double beta : {0.0, 0.5}) {
          const Product<T> p(m, n, k, {.transpose_a = ta, .transpose_b = tb, .alpha = -1.5, .beta = beta});
          SCOPED_TRACE("m " + std::to_string(m) + " n " + std::to_string(n) + " k " + std::to_string(k));
          const auto c = p.run(context);
          std::vector<double> result;
          for (const T value : c) result.push_back(wide(value));
          expect_close(result, p.expected(), Class::library, DtypeOf<T>::value, "c", k);
          const auto again = p.run(context);
          EXPECT_TRUE(std::memcmp(c.data(), again.data(), c.size() * sizeof(T)) == 0) << "not the same bits twice";
        }
}
TEST_P(Gemm, Fp32EqualsTheEquation) { product_equals_the_equation<float>(context); }
TEST_P(Gemm, Fp64EqualsTheEquation) { product_equals_the_equation<double>(context); }

TEST_P(Gemm, Bf16EqualsTheEquation) {
  CRC_SKIP_WITHOUT_BF16(context);
  product_equals_the_equation<bf16>(context);
}
TEST_P(Gemm, Bf16IsRefusedWithoutItsInstructions) {
  if (context.has_bf16()) GTEST_SKIP() << "this device has bf16";
  const Product<bf16> p(3, 4, 5, {});
  EXPECT_THROW(p.run(context), Error);
}

TEST_P(Gemm, BetaZeroIgnoresWhatWasThere) {
  Product<float> p(3, 4, 5, {});
  p.c.assign(12, std::nanf(""));
  const auto c = p.run(context);
  p.c.assign(12, 0);
  expect_close(c, p.expected(), Class::library, Dtype::f32, "c", 5);
}

// c[i,r] = alpha op(a[i,r]) op(b[i, r or 0]) + beta c[i,r].
template <class T> void batches_equal_single_products(Context& context) {
  for (const bool shared : {true, false})
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        const int64_t batch = 3, repeats = 4, m = 5, n = 7, k = 11, b_repeats = shared ? 1 : repeats;
        const GemmConfig config{.transpose_a = ta, .transpose_b = tb, .alpha = 0.5, .beta = 2};
        const auto a = cast<T>(uniform(batch * repeats * m * k, 1)), b = cast<T>(uniform(batch * b_repeats * k * n, 2));
        const auto c = cast<T>(uniform(batch * repeats * m * n, 3));
        const Guarded<T, 4> x(context, {batch, repeats, ta ? k : m, ta ? m : k}, a, "a"),
            y(context, {batch, b_repeats, tb ? n : k, tb ? k : n}, b, "b");
        Guarded<T, 4> z(context, {batch, repeats, m, n}, c, "c");
        gemm_batched(context, z.view(), x, y, config);
        const auto all = z.get();
        for (int64_t p = 0; p < batch * repeats; ++p) {
          Product<T> one(m, n, k, config);
          const int64_t q = shared ? p / repeats : p;
          one.a.assign(a.begin() + p * m * k, a.begin() + (p + 1) * m * k);
          one.b.assign(b.begin() + q * k * n, b.begin() + (q + 1) * k * n);
          one.c.assign(c.begin() + p * m * n, c.begin() + (p + 1) * m * n);
          const std::vector<T> actual(all.begin() + p * m * n, all.begin() + (p + 1) * m * n);
          expect_close(actual, one.expected(), Class::library, DtypeOf<T>::value, "product", k);
        }
      }
}
TEST_P(Gemm, BatchesFp32) { batches_equal_single_products<float>(context); }
TEST_P(Gemm, BatchesFp64) { batches_equal_single_products<double>(context); }

TEST_P(Gemm, WrongShapeIsAnErrorThatNamesTheView) {
  Guarded<float, 2> a(context, {2, 3}, uniform(6, 1), "left"), c(context, {2, 2}, uniform(4, 1), "out");
  try {
    gemm(context, c.view(), a, a, GemmConfig{});
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "gemm: 'left' has shape [2,3], expected [3,2]");
  }
}

TEST(GemmThreads, SameBitsForAnyNumber) {
  const Product<double> p(517, 129, 2049, {.transpose_a = true});
  Context one = Context::cpu(1), three = Context::cpu(3);
  EXPECT_EQ(p.run(one), p.run(three));
}
TEST(GemmThreads, SameBitsForAnyNumberInBf16) {
  Context one = Context::cpu(1), three = Context::cpu(3);
  CRC_SKIP_WITHOUT_BF16(one);
  const Product<bf16> p(517, 129, 2049, {.transpose_b = true});
  const auto alone = p.run(one), together = p.run(three);
  EXPECT_EQ(std::memcmp(alone.data(), together.data(), alone.size() * sizeof(bf16)), 0);
}

CRC_ON_EACH_DEVICE(Gemm);

}  // namespace
}  // namespace crc::test
