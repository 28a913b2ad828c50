#include "kernels/ops/min_distance.h"

#include <cmath>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class MinDistanceOp : public OnDevice {};

TEST_P(MinDistanceOp, KeepsTheSmallestSquaredDistance) {
  constexpr int64_t kCenters = 7;
  for (const auto& [n, d] : {std::pair<int64_t, int64_t>{0, 3}, {1, 1}, {7, 0}, {257, 5}, {600, 33}}) {
    const auto x = uniform(n * d, 1), centers = uniform(kCenters * d, 2);
    const Guarded<float, 2> rows(context, {n, d}, x, "x");
    const Guarded<float, 2> all(context, {kCenters, d}, centers, "centers");
    Guarded<double, 1> nearest(context, {n}, std::vector<double>(n, INFINITY), "nearest"),
        at_once(context, {n}, std::vector<double>(n, INFINITY), "nearest of all");
    std::vector<double> expected(n, INFINITY);
    for (int64_t k = 0; k < kCenters; ++k) {
      min_distance(context, nearest.view(), rows, all.view().slice(k, k + 1));
      for (int64_t i = 0; i < n; ++i) {
        double total = 0;
        for (int64_t j = 0; j < d; ++j) {
          const double step = double(x[i * d + j]) - double(centers[k * d + j]);
          total += step * step;
        }
        expected[i] = std::min(expected[i], total);
      }
    }
    EXPECT_EQ(nearest.get(), expected);  // bit by bit
    min_distance(context, at_once.view(), rows, all);
    EXPECT_EQ(at_once.get(), expected);
    min_distance(context, at_once.view(), rows, all.view().slice(0, 0));  // no centre changes nothing
    EXPECT_EQ(at_once.get(), expected);
  }
}

TEST_P(MinDistanceOp, ARowIsAtDistanceZeroFromItsCopy) {
  const auto x = uniform(5 * 7, 4, -1e3f, 1e3f);
  const Guarded<float, 2> rows(context, {5, 7}, x, "x");
  const Guarded<float, 2> center(context, {1, 7}, {x.begin() + 14, x.begin() + 21}, "center");
  Guarded<double, 1> nearest(context, {5}, std::vector<double>(5, 1e300), "nearest");
  min_distance(context, nearest.view(), rows, center);
  const auto after = nearest.get();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(after[i] == 0, i == 2);
}

TEST_P(MinDistanceOp, WrongShapeIsAnError) {
  const Guarded<float, 2> rows(context, {2, 3}, uniform(6, 1), "x");
  const Guarded<float, 2> center(context, {1, 2}, uniform(2, 1), "center");
  Guarded<double, 1> nearest(context, {2}, {1, 1}, "nearest");
  EXPECT_THROW(min_distance(context, nearest.view(), rows, center), Error);
}

CRC_ON_EACH_DEVICE(MinDistanceOp);

}  // namespace
}  // namespace crc::test
