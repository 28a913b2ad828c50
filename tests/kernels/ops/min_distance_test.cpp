#include "kernels/ops/min_distance.h"

#include <cmath>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class MinDistanceOp : public OnDevice {};

TEST_P(MinDistanceOp, KeepsTheSmallestSquaredDistance) {
  for (const auto& [n, d] : {std::pair<int64_t, int64_t>{0, 3}, {1, 1}, {7, 0}, {257, 5}, {600, 33}}) {
    const auto x = uniform(n * d, 1), centers = uniform(3 * d, 2);
    const Guarded<float, 2> rows(context, {n, d}, x, "x");
    Guarded<double, 1> nearest(context, {n}, std::vector<double>(n, INFINITY), "nearest");
    std::vector<double> expected(n, INFINITY);
    for (int64_t k = 0; k < 3; ++k) {
      const Guarded<float, 1> center(context, {d}, {centers.begin() + k * d, centers.begin() + (k + 1) * d}, "center");
      min_distance(context, nearest.view(), rows, center);
      for (int64_t i = 0; i < n; ++i) {
        double norms = 0, inner = 0;
        for (int64_t j = 0; j < d; ++j) {
          const double a = x[i * d + j], b = centers[k * d + j];
          norms += a * a + b * b, inner += a * b;
        }
        expected[i] = std::min(expected[i], norms - 2 * inner);
      }
    }
    expect_close(nearest.get(), expected, Class::reduce, Dtype::f64, "nearest");
  }
}

TEST_P(MinDistanceOp, ARowIsAtDistanceZeroFromItsCopy) {
  const auto x = uniform(5 * 7, 4, -1e3f, 1e3f);
  const Guarded<float, 2> rows(context, {5, 7}, x, "x");
  const Guarded<float, 1> center(context, {7}, {x.begin() + 14, x.begin() + 21}, "center");
  Guarded<double, 1> nearest(context, {5}, std::vector<double>(5, 1e300), "nearest");
  min_distance(context, nearest.view(), rows, center);
  const auto after = nearest.get();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(after[i] == 0, i == 2);
}

TEST_P(MinDistanceOp, WrongShapeIsAnError) {
  const Guarded<float, 2> rows(context, {2, 3}, uniform(6, 1), "x");
  const Guarded<float, 1> center(context, {2}, uniform(2, 1), "center");
  Guarded<double, 1> nearest(context, {2}, {1, 1}, "nearest");
  EXPECT_THROW(min_distance(context, nearest.view(), rows, center), Error);
}

CRC_ON_EACH_DEVICE(MinDistanceOp);

}  // namespace
}  // namespace crc::test
