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
  std::vector<float> rows, points, origin;

  // Rows and points that are nearly as far from each other as others, far from 0, of many sizes, or of none.
  explicit ScreenCase(uint32_t p) : n(1 + p % 9), k(1 + int64_t(p) * 7 % 120), d(1 + int64_t(p) * 13 % 300) {
    rows = uniform(n * d, p), points = uniform(k * d, p + 1), origin = uniform(d, p + 2, -0.1f, 0.1f);
    const uint32_t kind = p % 7;
    for (auto* values : {&rows, &points, &origin})
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
  NearScreen screen() const {
    return {k, [&](int64_t j) { return points.data() + j * d; }, origin.data(), d};
  }
};

TEST(NearScreen, BoundsHoldOfEveryPairAndNoneThatIsNearIsLeftOut) {
  std::vector<float> memory;
  for (uint32_t p = 0; p < 700; ++p) {
    const ScreenCase c(p);
    const NearScreen screen = c.screen();
    const Ball ball(0, c.d);
    int64_t seen = 0;
    screen.each(
        memory, c.n, [&](int64_t i) { return c.rows.data() + i * c.d; },
        [&](int64_t i, int64_t first, const NearScreen::Halves& halves) {
          const Band band = ball.row(screen.square(c.rows.data() + i * c.d));
          const int64_t last = std::min(c.k, first + kWideScreen);
          long double least = INFINITY, least_but_first = INFINITY;
          seen += last - first;
          for (int64_t j = first; j < last; ++j) {
            const long double half = c.half(i, j);
            EXPECT_FALSE(double(band.low) + halves.low(j - first) > half) << "case " << p << ": " << i << ", " << j;
            EXPECT_FALSE(double(band.high) + halves.high(j - first) < half) << "case " << p << ": " << i << ", " << j;
            const uint64_t maybe = halves.maybe_within(band.low, float(half));
            EXPECT_TRUE(maybe >> (j - first) & 1) << "case " << p << ": " << i << ", " << j;
            EXPECT_EQ(maybe >> (last - first), 0) << "case " << p << ": what is not there";
            least = std::min(least, half);
            if (j > first) least_but_first = std::min(least_but_first, half);
          }
          EXPECT_FALSE(double(band.high) + halves.least_high() < least) << "case " << p << ": row " << i;
          EXPECT_FALSE(double(band.low) + halves.least_low_but(-1) > least) << "case " << p << ": row " << i;
          EXPECT_FALSE(double(band.low) + halves.least_low_but(0) > least_but_first) << "case " << p << ": row " << i;
        });
    EXPECT_EQ(seen, c.n * c.k);
    if (HasFailure()) return;
  }
}

// A bound that decided nothing would hold, too: far from 0, it tells distances apart that differ by a hundredth.
TEST(NearScreen, ToldFromAnOriginAreDistancesFarFromZero) {
  ScreenCase c(1);
  c.n = 1, c.k = 2, c.d = 384;
  c.rows.assign(384, 1000), c.points.assign(768, 1000), c.origin.assign(384, 1000);
  c.rows[0] = 1001, c.points[384] = 1001, c.points[385] = 1000.99f;  // 1 and 0.98 away
  std::vector<float> memory;
  const NearScreen screen = c.screen();
  screen.each(
      memory, 1, [&](int64_t) { return c.rows.data(); },
      [&](int64_t, int64_t, const NearScreen::Halves& halves) {
        const Band band = Ball(0, c.d).row(screen.square(c.rows.data()));
        EXPECT_EQ(halves.maybe_within(band.low, float(c.half(0, 1))), 2);
        EXPECT_EQ(halves.maybe_within(band.low, float(c.half(0, 0))), 3);
      });
}

}  // namespace
}  // namespace crc::test
