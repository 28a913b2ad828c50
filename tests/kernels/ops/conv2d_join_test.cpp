#include "kernels/ops/conv2d_join.h"

#include "kernels/ops/add.h"
#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

// {n, h, w, c, k, r, stride, pad}
const std::vector<ConvProblem> kJoins{{2, 8, 8, 8, 16, 3, 1, 1}, {3, 9, 7, 8, 8, 3, 2, 1}, {1, 1, 1, 1, 1, 1, 1, 0}};

std::vector<double> wide(const std::vector<float>& v) { return {v.begin(), v.end()}; }

class Conv2dJoin : public OnDevice {
 protected:
  // Whoever adds, the sum is conv2d's, whose own test has the equation, and plus. In fp32, or in tf32 where there is one.
  template <bool kForward> void expect_sum(const ConvProblem& p, Conv2dConfig config) {
    SCOPED_TRACE(to_string(p));
    const int64_t image[] = {p.n, p.h, p.w, p.c}, result[] = {p.n, p.p(), p.q(), p.k};
    const auto& to = kForward ? result : image;
    const auto& from = kForward ? image : result;
    const std::vector<float> in = uniform(kForward ? p.x_size() : p.y_size(), 1),
                             more = uniform(kForward ? p.y_size() : p.x_size(), 2);
    const Guarded<float, 4> x(context, from, in, "in"), w(context, {p.k, p.r, p.r, p.c}, uniform(p.w_size(), 3), "w"),
        plus(context, to, more, "plus");
    Guarded<float, 4> joined(context, to, more, "out"), alone(context, to, more, "expected");
    const View<const float, 1> no_bias{};
    config.stride = p.stride, config.pad = p.pad;
    bool added = false;
    if constexpr (kForward) {
      conv2d(context, alone.view(), x, w, no_bias, config);
      added = conv2d_join(context, joined.view(), x, w, no_bias, plus, config);
    } else {
      conv2d_backward_data(context, alone.view(), x, w, config);
      added = conv2d_backward_data_join(context, joined.view(), x, w, plus, config);
    }
    EXPECT_EQ(plus.get(), more);
    std::vector<double> expected = wide(alone.get());
    if (!added) {
      EXPECT_EQ(wide(joined.get()), expected);
      add(context, joined.view().flat(), joined.view().flat(), plus.view().flat());
    }
    for (size_t i = 0; i < expected.size(); ++i) expected[i] += more[i];
    expect_close(joined.get(), expected, Class::library, Dtype::f32, "sum");
  }
};

TEST_P(Conv2dJoin, IsTheConvolutionAndWhatIsAdded) {
  for (const ConvProblem& p : kJoins)
    for (const bool tf32 : {false, true}) {
      expect_sum<true>(p, {.tf32 = tf32});
      expect_sum<false>(p, {.tf32 = tf32});
    }
}

TEST_P(Conv2dJoin, RefusesWhatCannotBeAdded) {
  const Guarded<float, 4> x(context, {1, 2, 2, 3}, uniform(12, 1), "x"), w(context, {2, 1, 1, 3}, uniform(6, 2), "w"),
      plus(context, {1, 2, 2, 3}, uniform(12, 3), "plus");
  Guarded<float, 4> y(context, {1, 2, 2, 2}, uniform(8, 4), "y");
  EXPECT_THROW((void)conv2d_join(context, y.view(), x, w, View<const float, 1>{}, plus, Conv2dConfig{.pad = 0}), Error);
}

CRC_ON_EACH_DEVICE(Conv2dJoin);

}  // namespace
}  // namespace crc::test
