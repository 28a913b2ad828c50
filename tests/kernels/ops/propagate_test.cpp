#include "kernels/ops/propagate.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class PropagateOp : public OnDevice {};

std::vector<double> numbers(int64_t n, uint32_t seed) {
  const std::vector<float> values = uniform(n, seed);
  return {values.begin(), values.end()};
}

TEST_P(PropagateOp, EqualsTheEquation) {
  const std::vector<int64_t> begin{0, 2, 2, 5}, columns{1, 3, 0, 1, 3};
  for (const int64_t classes : {1, 2, 5}) {
    const auto weights = numbers(5, 1), x = numbers(4 * classes, 2), a = numbers(3 * classes, 3),
               b = numbers(3 * classes, 4);
    Guarded<int64_t, 1> g(context, {4}, begin, "begin"), c(context, {5}, columns, "columns");
    Guarded<double, 1> w(context, {5}, weights, "weights");
    Guarded<double, 2> from(context, {4, classes}, x, "x"), first(context, {3, classes}, a, "a"),
        to(context, {3, classes}, b, "next");
    propagate(context, to, from, g, c, w, first, to,
              PropagateConfig{.scale = 2, .a_scale = 3, .b_scale = -0.5});  // in place of b
    std::vector<double> expected;
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t k = 0; k < classes; ++k) {
        double sum = 0;
        for (int64_t e = begin[i]; e < begin[i + 1]; ++e) sum += weights[e] * x[columns[e] * classes + k];
        expected.push_back((2 * sum + 3 * a[i * classes + k]) - 0.5 * b[i * classes + k]);
      }
    EXPECT_EQ(to.get(), expected);
    EXPECT_THROW(propagate(context, from, from, g, c, w, from, from, PropagateConfig{}), Error);
  }
}

CRC_ON_EACH_DEVICE(PropagateOp);

}  // namespace
}  // namespace crc::test
