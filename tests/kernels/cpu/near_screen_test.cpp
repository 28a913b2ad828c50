// Bounds in fp32 against squared distances in long double, and against those that fp64 measures.
#include "kernels/cpu/near_screen.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/ops/pairwise_tile.h"
#include "tests/kernels/arrays.h"

namespace crc::test {
namespace {

struct ScreenCase {
  int64_t n, k, d;
  std::vector<float> rows, points;

  // Rows and points that are nearly as far from each other as others, far from 0, of many sizes, or of none.
  explicit ScreenCase(uint32_t p) : n(1 + p % 9), k(1 + int64_t(p) * 7 % 120), d(1 + int64_t(p) * 13 % 300) {
    rows = uniform(n * d, p), points = uniform(k * d, p + 1);
    const uint32_t kind = p % 7;
    for (auto* values : {&rows, &points})
      for (size_t e = 0; e < values->size(); ++e) {
        float& x = (*values)[e];
        if (kind == 1) x += 1000;
        if (kind == 2) x = 1 + std::round(4 * x) * 0x1p-23f;
        if (kind == 3) x = std::ldexp(x, 40 * int(e % 3) - 40);
        if (kind == 4) x *= 1e-30f;
        if (kind == 5) x *= 1e25f;
        if (kind == 6) x = std::ldexp(x, int(e / size_t(d) % 5) * 60 - 120);
      }
    if (k > 2) std::copy_n(points.begin(), d, points.begin() + d);  // copies, and one that differs in a last bit
    if (k > 2) std::copy_n(points.begin(), d, points.begin() + 2 * d), points[2 * d] = std::nextafter(points[0], 9.f);
  }
  long double half(int64_t i, int64_t j) const {
    long double total = 0;
    for (int64_t t = 0; t < d; ++t) {
      const long double difference = static_cast<long double>(rows[i * d + t]) - points[j * d + t];
      total += difference * difference;
    }
    return total / 2;
  }
  // f(row, first point, bounds, how many)
  template <class F> void each(const F& f) const {
    std::vector<float> memory;
    const NearScreen screen(
        k, [&](int64_t j) { return points.data() + j * d; }, d);
    screen.each(
        memory, n, [&](int64_t i) { return rows.data() + i * d; }, [](int64_t) { return 0; },
        [&](int64_t i, int64_t first, const NearScreen::Halves& halves) {
          f(i, first, halves, std::min(k - first, kWideScreen));
        });
  }
};

TEST(NearScreen, BoundsHoldOfEveryPairAndNoneThatIsNearIsLeftOut) {
  for (uint32_t p = 0; p < 700; ++p) {
    const ScreenCase c(p);
    int64_t seen = 0;
    c.each([&](int64_t i, int64_t first, const NearScreen::Halves& halves, int64_t count) {
      long double least = INFINITY, least_but_first = INFINITY;
      seen += count;
      for (int64_t j = 0; j < count; ++j) {
        const long double half = c.half(i, first + j);
        EXPECT_FALSE(halves.low(j) > half) << "case " << p << ": " << i << ", " << first + j;
        EXPECT_FALSE(halves.high(j) < half) << "case " << p << ": " << i << ", " << first + j;
        const uint64_t maybe = halves.maybe_within(double(half));
        EXPECT_TRUE(maybe >> j & 1) << "case " << p << ": " << i << ", " << first + j;
        EXPECT_EQ(maybe >> count, 0) << "case " << p << ": what is not there";
        least = std::min(least, half);
        if (j > 0) least_but_first = std::min(least_but_first, half);
      }
      EXPECT_FALSE(halves.least_high() < least) << "case " << p << ": row " << i;
      EXPECT_FALSE(halves.least_low_but(-1) > least) << "case " << p << ": row " << i;
      EXPECT_FALSE(halves.least_low_but(0) > least_but_first) << "case " << p << ": row " << i;
    });
    EXPECT_EQ(seen, c.n * c.k);
    if (HasFailure()) return;
  }
}

// A bound that decided nothing would hold, too: far from 0, it tells distances apart that differ by a fiftieth.
TEST(NearScreen, TellsDistancesApartFarFromZero) {
  ScreenCase c(1);
  c.n = 1, c.k = 2, c.d = 384;
  c.rows.assign(384, 1000), c.points.assign(768, 1000);
  c.points[0] = 1001, c.points[384] = 1000.99f;
  c.each([&](int64_t, int64_t, const NearScreen::Halves& halves, int64_t) {
    EXPECT_EQ(halves.maybe_within(double(c.half(0, 1))), 2);
    EXPECT_EQ(halves.maybe_within(double(c.half(0, 0))), 3);
  });
}

}  // namespace
}  // namespace crc::test
