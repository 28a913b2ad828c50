#include "kernels/ops/tf32x3.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

// The largest error relative to the largest magnitude, which expect_close() holds to.
double error_of(const std::vector<float>& actual, const std::vector<double>& expected) {
  double worst = 0, scale = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    worst = std::max(worst, std::abs(actual[i] - expected[i]));
    scale = std::max(scale, std::abs(expected[i]));
  }
  return worst / scale;
}

// What one pass of tf32 sees of an array.
std::vector<float> tf32_of(std::vector<float> v) {
  for (float& e : v) e = round_to_tf32(e);
  return v;
}

// {n, h, w, c, k, r, stride, pad}: layers of WRN in small, the longest sum last; then what fits nothing.
const std::vector<ConvProblem> kTf32Problems{{2, 8, 8, 3, 16, 3, 1, 1},  {1, 8, 8, 32, 64, 3, 2, 1},
                                             {1, 8, 8, 32, 64, 1, 2, 0}, {1, 8, 8, 128, 128, 3, 1, 1},
                                             {5, 7, 9, 5, 3, 3, 2, 1},   {1, 1, 1, 1, 1, 1, 1, 0}};

std::vector<double> convolved(const ConvProblem& c, const std::vector<float>& x, const std::vector<float>& w) {
  std::vector<double> y(size_t(c.y_size()));
  for (int64_t i = 0; i < c.y_size(); ++i) {
    const int64_t k = i % c.k, q = i / c.k % c.q(), p = i / c.k / c.q() % c.p(), n = i / c.k / c.q() / c.p();
    for (int64_t r = 0; r < c.r; ++r)
      for (int64_t s = 0; s < c.r; ++s) {
        const int64_t row = p * c.stride + r - c.pad, column = q * c.stride + s - c.pad;
        if (row < 0 || row >= c.h || column < 0 || column >= c.w) continue;
        for (int64_t j = 0; j < c.c; ++j)
          y[size_t(i)] += double(x[size_t(((n * c.h + row) * c.w + column) * c.c + j)]) *
                          w[size_t(((k * c.r + r) * c.r + s) * c.c + j)];
      }
  }
  return y;
}

class Tf32x3 : public OnDevice {
 protected:
  std::vector<float> convolve(const ConvProblem& p, const std::vector<float>& x, const std::vector<float>& w,
                              bool three = true) {
    const Guarded<float, 4> from(context, {p.n, p.h, p.w, p.c}, x, "x"), by(context, {p.k, p.r, p.r, p.c}, w, "w");
    Guarded<float, 4> y(context, {p.n, p.p(), p.q(), p.k}, uniform(p.y_size(), 9), "y");
    const Conv2dConfig config{.stride = p.stride, .pad = p.pad};
    three ? conv2d_tf32x3(context, y.view(), from, by, config)
          : conv2d(context, y.view(), from, by, View<const float, 1>{}, config);
    return y.get();
  }
  std::vector<float> multiply(const GemmConfig& config, int64_t m, int64_t n, int64_t k, const std::vector<float>& a,
                              const std::vector<float>& b, const std::vector<float>& c, bool three = true) {
    const bool ta = config.transpose_a, tb = config.transpose_b;
    const Guarded<float, 2> left(context, {ta ? k : m, ta ? m : k}, a, "a"),
        right(context, {tb ? n : k, tb ? k : n}, b, "b");
    Guarded<float, 2> out(context, {m, n}, c, "c");
    three ? gemm_tf32x3(context, out.view(), left, right, config) : gemm(context, out.view(), left, right, config);
    return out.get();
  }
};

// fp32's tolerance, which one product of tf32 misses.
TEST_P(Tf32x3, ConvolvesAsAccuratelyAsFp32WhereTf32AloneDoesNot) {
  for (const ConvProblem& p : kTf32Problems) {
    SCOPED_TRACE(to_string(p));
    const std::vector<float> x = uniform(p.x_size(), 1), w = uniform(p.w_size(), 2);
    const std::vector<double> expected = convolved(p, x, w);
    const int64_t terms = p.terms(ConvPass::forward);
    expect_close(convolve(p, x, w), expected, Class::library, Dtype::f32, "y", terms);
    if (terms > 1) {
      EXPECT_GT(error_of(convolve(p, tf32_of(x), tf32_of(w), false), expected),
                3 * tolerance(Class::library, Dtype::f32, terms));
    }
  }
}

TEST_P(Tf32x3, MultipliesAsAccuratelyAsFp32WhereTf32AloneDoesNot) {
  for (const auto& [m, n, k] :
       {std::tuple<int64_t, int64_t, int64_t>{1, 1, 1}, {7, 5, 3}, {65, 33, 128}, {30, 10, 1152}})
    for (const bool ta : {false, true})
      for (const bool tb : {false, true})
        for (const double beta : {0.0, 0.5}) {
          SCOPED_TRACE(std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k));
          const GemmConfig config{.transpose_a = ta, .transpose_b = tb, .alpha = -1.5, .beta = beta};
          const std::vector<float> a = uniform(m * k, 1), b = uniform(k * n, 2), c = uniform(m * n, 3);
          std::vector<double> expected(c.begin(), c.end());
          for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < n; ++j) {
              double sum = 0;
              for (int64_t l = 0; l < k; ++l)
                sum += double(a[size_t(ta ? l * m + i : i * k + l)]) * b[size_t(tb ? j * k + l : l * n + j)];
              expected[size_t(i * n + j)] = -1.5 * sum + beta * double(c[size_t(i * n + j)]);
            }
          expect_close(multiply(config, m, n, k, a, b, c), expected, Class::library, Dtype::f32, "c", k);
          if (k > 1) {
            EXPECT_GT(error_of(multiply(config, m, n, k, tf32_of(a), tf32_of(b), c, false), expected),
                      3 * tolerance(Class::library, Dtype::f32, k));
          }
        }
}

// Each product of a batch is the one that gemm_tf32x3 makes, up to the order of its sum.
TEST_P(Tf32x3, BatchesAreTheirProducts) {
  const int64_t batch = 5, repeats = 3, m = 4, n = 6, k = 17;
  for (const bool one_b : {true, false})
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        const int64_t b_repeats = one_b ? 1 : repeats;
        const GemmConfig config{.transpose_a = ta, .transpose_b = tb};
        const std::vector<float> a = uniform(batch * repeats * m * k, 1), b = uniform(batch * b_repeats * k * n, 2);
        const Guarded<float, 4> x(context, {batch, repeats, ta ? k : m, ta ? m : k}, a, "a"),
            y(context, {batch, b_repeats, tb ? n : k, tb ? k : n}, b, "b");
        Guarded<float, 4> z(context, {batch, repeats, m, n}, std::vector<float>(size_t(batch * repeats * m * n)), "c");
        gemm_batched_tf32x3(context, z.view(), x, y, config);
        const std::vector<float> all = z.get();
        for (int64_t p = 0; p < batch * repeats; ++p) {
          const int64_t q = one_b ? p / repeats : p;
          const std::vector<float> left(a.begin() + p * m * k, a.begin() + (p + 1) * m * k),
              right(b.begin() + q * k * n, b.begin() + (q + 1) * k * n), zeros(size_t(m * n));
          expect_close(std::vector<float>(all.begin() + p * m * n, all.begin() + (p + 1) * m * n),
                       multiply(config, m, n, k, left, right, zeros), Class::library, Dtype::f32, "product", k);
        }
      }
}

TEST_P(Tf32x3, LeavesEmptyArraysAlone) {
  EXPECT_TRUE(convolve({0, 4, 4, 3, 2, 3, 1, 1}, {}, uniform(54, 1)).empty());
  EXPECT_TRUE(multiply({}, 0, 3, 2, {}, uniform(6, 1), {}).empty());
  EXPECT_EQ(multiply({}, 2, 2, 0, {}, {}, {1, 2, 3, 4}), std::vector<float>(4));
}

CRC_ON_EACH_DEVICE(Tf32x3);

TEST(Tf32x3Test, SplitsInEqualSharesThatStaySmallAndAligned) {
  for (const int64_t rows : {1, 7, 512, 4097})
    for (const int64_t elements : {1, 3072, 32768, 131072}) {
      const int64_t share = tf32x3_share(rows, elements);
      EXPECT_EQ(share % 4, 0);
      EXPECT_LE(share, rows + 3);
      EXPECT_LE(share * elements * 12, kTf32x3Bytes + 4 * elements * 12);
      const int64_t shares = (rows + share - 1) / share;
      EXPECT_LE(shares * share - rows, 4 * shares) << rows << " rows in unequal shares of " << share;
    }
  EXPECT_EQ(tf32x3_share(0, 10), 4);
}

}  // namespace
}  // namespace crc::test
