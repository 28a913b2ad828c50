#include "kernels/ops/round.h"

#include <cmath>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class Round : public OnDevice {};

// Halves of the last place go to the even neighbour, and nothing is lost that bf16 can hold.
TEST_P(Round, GoesToTheNearest) {
  const std::vector<float> x{0.0f, -0.0f, 1.0f, 1.00390625f, 1.01171875f, 1.00391f, 3.3895314e38f, INFINITY, 1e-40f};
  const std::vector<float> expected{0.0f, -0.0f, 1.0f, 1.0f, 1.015625f, 1.0078125f, 3.3895314e38f, INFINITY, 0x1p-133f};
  const int64_t n = int64_t(x.size());
  const Guarded<float, 1> from(context, {n}, x, "x");
  Guarded<bf16, 1> to(context, {n}, std::vector<bf16>(x.size()), "y");
  round_values(context, to.view(), from.view());
  const std::vector<bf16> y = to.get();
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(float(y[i]), expected[i]) << x[i];
    EXPECT_EQ(std::signbit(float(y[i])), std::signbit(x[i]));
  }
}

TEST_P(Round, RoundsAllOfThem) {
  for (const int64_t n : {0, 1, 31, 4097}) {
    const auto x = uniform(n, 1);
    const Guarded<float, 1> from(context, {n}, x, "x");
    Guarded<bf16, 1> to(context, {n}, std::vector<bf16>(size_t(n)), "y");
    round_values(context, to.view(), from.view());
    expect_rounded(to.get(), x);
  }
}

TEST_P(Round, RefusesWrongShapes) {
  const Guarded<float, 1> x(context, {2}, {1, 2}, "x");
  Guarded<bf16, 1> y(context, {1}, std::vector<bf16>(1), "y");
  EXPECT_THROW(round_values(context, y.view(), x.view()), Error);
}

CRC_ON_EACH_DEVICE(Round);

}  // namespace
}  // namespace crc::test
