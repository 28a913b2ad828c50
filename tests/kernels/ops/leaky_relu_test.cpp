#include "kernels/ops/leaky_relu.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class LeakyReluOp : public OnDevice {};

TEST_P(LeakyReluOp, EqualsTheEquation) {
  for (float slope : {0.1f, 0.0f, 1.0f})
    for (int64_t n : {0, 1, 5, 8192, 8195}) {
      auto x0 = uniform(n, 1);
      const auto dy0 = uniform(n, 2);
      if (n > 2) x0[0] = 0.0f, x0[1] = -0.0f;
      Guarded<float, 1> x(context, {n}, x0, "x"), dy(context, {n}, dy0, "dy"), y(context, {n}, x0, "y"),
          dx(context, {n}, dy0, "dx");
      leaky_relu(context, y.view(), x.view(), slope);
      leaky_relu_backward(context, dx.view(), dy.view(), x.view(), slope);

      std::vector<double> ey(n), edx(n);
      for (int64_t i = 0; i < n; ++i) {
        ey[i] = x0[i] > 0 ? x0[i] : double(slope) * x0[i];
        edx[i] = x0[i] > 0 ? dy0[i] : double(slope) * dy0[i];
      }
      expect_close(y.get(), ey, Class::point, Dtype::f32, "y");
      expect_close(dx.get(), edx, Class::point, Dtype::f32, "dx");
      leaky_relu_backward(context, dy.view(), dy.view(), x.view(), slope);  // in place
      EXPECT_EQ(dy.get(), dx.get());
      leaky_relu(context, x.view(), x.view(), slope);
      EXPECT_EQ(x.get(), y.get());
    }
}

TEST_P(LeakyReluOp, NamesTheViewOfTheWrongShape) {
  Guarded<float, 1> a(context, {4}, uniform(4, 1), "a"), b(context, {5}, uniform(5, 2), "b");
  EXPECT_THROW(leaky_relu(context, a.view(), b.view(), 0.1f), Error);
  EXPECT_THROW(leaky_relu_backward(context, a.view(), a.view(), b.view(), 0.1f), Error);
}

CRC_ON_EACH_DEVICE(LeakyReluOp);

}  // namespace
}  // namespace crc::test
