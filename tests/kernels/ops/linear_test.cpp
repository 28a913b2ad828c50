#include "kernels/ops/linear.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class Linear : public OnDevice {
 protected:
  struct Arrays {
    int64_t n, d, c;
    std::vector<float> x = uniform(n * d, 1), w = uniform(c * d, 2), bias = uniform(c, 3), dy = uniform(n * c, 4),
                       dw = uniform(c * d, 5), dbias = uniform(c, 6);
  };
  // y = x w^T + bias in fp64.
  static std::vector<double> forward(const Arrays& s, const std::vector<double>& x, const std::vector<double>& w,
                                     const std::vector<double>& bias) {
    std::vector<double> y(s.n * s.c);
    for (int64_t i = 0; i < s.n; ++i)
      for (int64_t k = 0; k < s.c; ++k) {
        y[i * s.c + k] = bias[k];
        for (int64_t j = 0; j < s.d; ++j) y[i * s.c + k] += x[i * s.d + j] * w[k * s.d + j];
      }
    return y;
  }
  static constexpr int64_t kShapes[][3] = {{1, 1, 1},     {0, 3, 2},      {5, 7, 3},
                                           {257, 31, 10}, {960, 128, 10}, {65, 33, 100}};
};

TEST_P(Linear, ForwardEqualsTheEquation) {
  for (const auto& [n, d, c] : kShapes) {
    const Arrays s{n, d, c};
    Guarded<float, 2> y(context, {n, c}, std::vector<float>(n * c, 5.f), "y"), x(context, {n, d}, s.x, "x"),
        w(context, {c, d}, s.w, "w");
    Guarded<float, 1> bias(context, {c}, s.bias, "bias");
    linear(context, y.view(), x.view(), w.view(), bias.view());
    expect_close(y.get(), forward(s, cast<double>(s.x), cast<double>(s.w), cast<double>(s.bias)), Class::library,
                 Dtype::f32, "y", d);
  }
}

// The loss <dy, y> is linear in each argument, so that its difference quotient is exact for any step.
TEST_P(Linear, BackwardEqualsDifferenceQuotients) {
  for (const auto& [n, d, c] : {std::array<int64_t, 3>{1, 1, 1}, {0, 3, 2}, {5, 7, 3}, {13, 4, 5}}) {
    const Arrays s{n, d, c};
    const auto loss = [&](const auto& x, const auto& w, const auto& bias) {
      const auto y = forward(s, x, w, bias);
      double total = 0;
      for (size_t i = 0; i < y.size(); ++i) total += y[i] * s.dy[i];
      return total;
    };
    std::vector<double> v[3] = {cast<double>(s.x), cast<double>(s.w), cast<double>(s.bias)};
    std::vector<double> expected[3] = {std::vector<double>(n * d), cast<double>(s.dw), cast<double>(s.dbias)};
    const double base = loss(v[0], v[1], v[2]);
    for (int which = 0; which < 3; ++which)
      for (size_t i = 0; i < v[which].size(); ++i) {
        v[which][i] += 1;
        expected[which][i] += loss(v[0], v[1], v[2]) - base;
        v[which][i] -= 1;
      }
    Guarded<float, 2> dx(context, {n, d}, std::vector<float>(n * d, 9.f), "dx"), dw(context, {c, d}, s.dw, "dw"),
        dy(context, {n, c}, s.dy, "dy"), x(context, {n, d}, s.x, "x"), w(context, {c, d}, s.w, "w");
    Guarded<float, 1> dbias(context, {c}, s.dbias, "dbias");
    linear_backward(context, dx.view(), dw.view(), dbias.view(), dy.view(), x.view(), w.view());
    expect_close(dx.get(), expected[0], Class::library, Dtype::f32, "dx", c);
    expect_close(dw.get(), expected[1], Class::library, Dtype::f32, "dw", n);
    expect_close(dbias.get(), expected[2], Class::library, Dtype::f32, "dbias", n);
  }
}

TEST_P(Linear, BackwardAtTrainingSizeWithoutDxAndTwiceTheSameBits) {
  const Arrays s{960, 128, 10};
  std::vector<double> dw = cast<double>(s.dw), dbias = cast<double>(s.dbias);
  for (int64_t i = 0; i < s.n; ++i)
    for (int64_t k = 0; k < s.c; ++k) {
      dbias[k] += s.dy[i * s.c + k];
      for (int64_t j = 0; j < s.d; ++j) dw[k * s.d + j] += double(s.dy[i * s.c + k]) * s.x[i * s.d + j];
    }
  const auto run = [&] {
    Guarded<float, 2> dy(context, {s.n, s.c}, s.dy, "dy"), x(context, {s.n, s.d}, s.x, "x"),
        w(context, {s.c, s.d}, s.w, "w"), gw(context, {s.c, s.d}, s.dw, "dw");
    Guarded<float, 1> gb(context, {s.c}, s.dbias, "dbias");
    linear_backward(context, View<float, 2>{}, gw.view(), gb.view(), dy.view(), x.view(), w.view());
    return std::pair(gw.get(), gb.get());
  };
  const auto once = run();
  expect_close(once.first, dw, Class::library, Dtype::f32, "dw", s.n);
  expect_close(once.second, dbias, Class::library, Dtype::f32, "dbias", s.n);
  EXPECT_EQ(once, run());
}

TEST_P(Linear, WrongShapeIsAnErrorThatNamesTheView) {
  Guarded<float, 2> y(context, {2, 3}, uniform(6, 1), "y"), x(context, {2, 4}, uniform(8, 1), "x"),
      w(context, {3, 4}, uniform(12, 1), "w");
  Guarded<float, 1> bias(context, {2}, uniform(2, 1), "bias");
  try {
    linear(context, y.view(), x.view(), w.view(), bias.view());
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "linear: 'bias' has shape [2], expected [3]");
  }
}

CRC_ON_EACH_DEVICE(Linear);

}  // namespace
}  // namespace crc::test
