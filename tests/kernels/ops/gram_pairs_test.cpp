#include "kernels/ops/gram_pairs.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

using Wide = __float128;  // products of fp32 are exact in it, and sums of millions of them all but exact

class GramPairs : public OnDevice {
 protected:
  std::vector<double> run(int64_t batch, int64_t n, int64_t m, int64_t p, const std::vector<float>& a,
                          const std::vector<float>& c, const std::vector<double>& k) {
    const Guarded<float, 3> x(context, {batch, n, p}, a, "a"), y(context, {batch, m, p}, c, "c");
    Guarded<double, 3> out(context, {batch, n, m}, k, "k");
    gram_pairs(context, out.view(), x, y);
    return out.get();
  }
};

struct PairExample {
  int64_t batch, n, m, p;
  std::vector<float> a, c;
  std::vector<double> exact, magnitude;  // inner products, and those of absolute values

  PairExample(int64_t batch_, int64_t n_, int64_t m_, int64_t p_, float low = -1)
      : batch(batch_), n(n_), m(m_), p(p_), a(uniform(batch * n * p, 1, low)), c(uniform(batch * m * p, 2, low)) {
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < m; ++j) {
          Wide total = 0, all = 0;
          for (int64_t d = 0; d < p; ++d) {
            const Wide term = Wide(a[(b * n + i) * p + d]) * c[(b * m + j) * p + d];
            total += term, all += term < 0 ? -term : term;
          }
          exact.push_back(double(total)), magnitude.push_back(double(all));
        }
  }
  std::vector<double> zeros() const { return std::vector<double>(size_t(batch * n * m)); }
};

constexpr struct {
  int64_t batch, n, m, p;
} kPairSizes[] = {{0, 2, 3, 4},
                  {1, 1, 1, 1},
                  {1, 3, 5, 0},
                  {2, 3, 5, 7},
                  {3, 16, 16, kPairPanel - 1},
                  {1, 17, 2, kPairPanel},                // a tile of 64 with little in it
                  {2, 65, 67, kPairPanel + 33},          // ragged tiles
                  {1, 3, 2, 3 * 32 * kPairPanel + 1},    // several parts, the last of one column
                  {2, 2, 19, 2 * 32 * kPairPanel + 5}};  // and with the wide tile

TEST_P(GramPairs, AddsTheInnerProducts) {
  for (const auto& s : kPairSizes) {
    const PairExample e(s.batch, s.n, s.m, s.p);
    const auto k = cast<double>(uniform(s.batch * s.n * s.m, 3));
    std::vector<double> expected = k;
    for (size_t i = 0; i < expected.size(); ++i) expected[i] += e.exact[i];
    const auto actual = run(s.batch, s.n, s.m, s.p, e.a, e.c, k);
    expect_close(actual, expected, Class::pairs, Dtype::f64, "k");
    EXPECT_EQ(actual, run(s.batch, s.n, s.m, s.p, e.a, e.c, k)) << "not the same bits twice";
  }
}

// What holds for any input: the bound of a panel, and what fp64 adds to it.
TEST_P(GramPairs, KeepsToTheBoundOfDot2) {
  const double nu = double(kPairPanel) * 0x1p-24, gamma = nu / (1 - nu);
  for (const float low : {-1.0f, 0.25f})
    for (const int64_t p : {int64_t(1), kPairPanel / int64_t(2), int64_t(kPairPanel), int64_t(20000)}) {
      const PairExample e(1, 9, 7, p, low);
      const auto actual = run(1, 9, 7, p, e.a, e.c, e.zeros());
      for (size_t i = 0; i < actual.size(); ++i)
        EXPECT_LE(std::abs(actual[i] - e.exact[i]),
                  (gamma * gamma + double(p / kPairPanel + 4) * 0x1p-53) * e.magnitude[i])
            << p << " columns, entry " << i;
    }
}

// Exactly cancelling halves: what is left is the last product, which one sum in fp32 loses altogether.
TEST_P(GramPairs, OneSumInFp32WouldFail) {
  const int64_t p = kPairPanel;
  PairExample e(1, 4, 4, p);
  const auto half = [&](std::vector<float>& rows, float sign) {
    for (int64_t i = 0; i < 4; ++i) {
      for (int64_t d = 0; d < p / 2; ++d) rows[i * p + p / 2 + d] = sign * rows[i * p + d];
      rows[i * p + p - 1] = rows[i * p + p / 2 - 1] * (1 + 0x1p-20f * float(i + 1));
    }
  };
  half(e.a, 1), half(e.c, -1);
  const auto actual = run(1, 4, 4, p, e.a, e.c, e.zeros());
  double worst = 0, worst_in_fp32 = 0;
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t j = 0; j < 4; ++j) {
      Wide total = 0;
      double all = 0;
      float single = 0;
      for (int64_t d = 0; d < p; ++d) {
        const float x = e.a[i * p + d], y = e.c[j * p + d];
        total += Wide(x) * y, all += std::abs(double(x) * y), single = fmaf(x, y, single);
      }
      worst = std::max(worst, std::abs(actual[i * 4 + j] - double(total)) / all);
      worst_in_fp32 = std::max(worst_in_fp32, std::abs(double(single) - double(total)) / all);
    }
  EXPECT_LE(worst, tolerance(Class::pairs, Dtype::f64));
  EXPECT_GT(worst_in_fp32, 1e4 * tolerance(Class::pairs, Dtype::f64));
}

TEST_P(GramPairs, ScalesWhatFp32CannotMultiply) {
  for (const float size : {1e-30f, 1e30f}) {  // their squares are 0 and infinite in fp32
    PairExample e(1, 3, 3, 300);
    for (float& x : e.a) x *= size;
    for (float& x : e.c) x *= size;
    std::vector<double> expected;
    for (int64_t i = 0; i < 9; ++i) {
      Wide total = 0;
      for (int64_t d = 0; d < 300; ++d) total += Wide(e.a[i / 3 * 300 + d]) * e.c[i % 3 * 300 + d];
      expected.push_back(double(total));
    }
    expect_close(run(1, 3, 3, 300, e.a, e.c, e.zeros()), expected, Class::pairs, Dtype::f64, "k");
  }
}

TEST_P(GramPairs, AZeroRowGivesZeros) {
  PairExample e(1, 2, 2, 200);
  std::fill_n(e.a.begin(), 200, 0.0f);
  const auto k = run(1, 2, 2, 200, e.a, e.c, e.zeros());
  EXPECT_EQ(k[0], 0);
  EXPECT_EQ(k[1], 0);
  EXPECT_NE(k[2], 0);
}

TEST_P(GramPairs, WhatIsNotFiniteStaysSo) {
  for (const float wrong : {NAN, INFINITY}) {
    PairExample e(1, 2, 2, 200);
    e.a[137] = wrong;
    const auto k = run(1, 2, 2, 200, e.a, e.c, e.zeros());
    EXPECT_FALSE(std::isfinite(k[0]));
    EXPECT_FALSE(std::isfinite(k[1]));
    EXPECT_EQ(std::isfinite(k[2]) && std::isfinite(k[3]), true);
  }
}

TEST_P(GramPairs, TheSameBitsOnEveryDevice) {
  Context cpu = Context::cpu();
  for (const auto& s : kPairSizes) {
    const PairExample e(s.batch, s.n, s.m, s.p);
    const auto actual = run(s.batch, s.n, s.m, s.p, e.a, e.c, e.zeros());
    const Guarded<float, 3> x(cpu, {s.batch, s.n, s.p}, e.a, "a"), y(cpu, {s.batch, s.m, s.p}, e.c, "c");
    Guarded<double, 3> k(cpu, {s.batch, s.n, s.m}, e.zeros(), "k");
    gram_pairs(cpu, k.view(), x, y);
    EXPECT_EQ(actual, k.get());
  }
}

TEST_P(GramPairs, OfAnArrayWithItselfIsTheSame) {
  const auto a = uniform(2 * 5 * 2100, 1);
  const Guarded<float, 3> x(context, {2, 5, 2100}, a, "a");
  Guarded<double, 3> k(context, {2, 5, 5}, std::vector<double>(50), "k");
  gram_pairs(context, k.view(), x, x);
  const auto once = k.get();
  EXPECT_EQ(once, run(2, 5, 5, 2100, a, a, std::vector<double>(50)));
  for (int64_t i = 0; i < 25; ++i) EXPECT_EQ(once[i], once[i % 5 * 5 + i / 5]) << "not symmetric";
}

TEST_P(GramPairs, WrongShapeIsAnError) {
  const Guarded<float, 3> x(context, {1, 2, 3}, uniform(6, 1), "a"), y(context, {1, 2, 2}, uniform(4, 1), "c");
  Guarded<double, 3> k(context, {1, 2, 2}, std::vector<double>(4), "k");
  EXPECT_THROW(gram_pairs(context, k.view(), x, y), Error);
}

CRC_ON_EACH_DEVICE(GramPairs);

}  // namespace
}  // namespace crc::test
