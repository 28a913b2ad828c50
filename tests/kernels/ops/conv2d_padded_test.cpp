#include "kernels/ops/conv2d_padded.h"

#include <cmath>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

// {n, h, w, c, k, r, stride, pad}
const std::vector<ConvProblem> kFew{{2, 8, 8, 3, 16, 3, 1, 1, Dtype::bf16},  // the stem
                                    {3, 9, 7, 3, 8, 3, 2, 1, Dtype::bf16},   // odd sides, stride
                                    {1, 5, 6, 1, 5, 3, 1, 1, Dtype::bf16},   // grey images, odd channels out
                                    {2, 6, 6, 7, 4, 5, 1, 2, Dtype::bf16},   // nearly enough channels; another kernel
                                    {2, 4, 4, 8, 4, 1, 1, 0, Dtype::bf16},   // enough
                                    {1, 1, 1, 3, 1, 1, 1, 0, Dtype::bf16}};  // the smallest

class Conv2dPadded : public OnDevice {};

// Against conv2d, whose own test has the equation. Small whole numbers: the same, to the bit, in any order of summation.
TEST_P(Conv2dPadded, IsTheConvolution) {
  CRC_SKIP_WITHOUT_BF16(context);
  for (const bool whole : {true, false})
    for (const bool keeps_rounded : {true, false})
      for (const ConvProblem& p : kFew) {
        SCOPED_TRACE(to_string(p));
        const auto values = [&](int64_t n, uint32_t seed) {
          std::vector<float> v = uniform(n, seed, whole ? -3 : -1, whole ? 4 : 1);
          for (float& e : v) e = whole ? std::floor(e) : e;
          return v;
        };
        const int64_t in[] = {p.n, p.h, p.w, p.c}, out[] = {p.n, p.p(), p.q(), p.k}, kernel[] = {p.k, p.r, p.r, p.c};
        const auto w0 = values(p.w_size(), 2), dw0 = values(p.w_size(), 3);
        const Guarded<bf16, 4> x(context, in, cast<bf16>(values(p.x_size(), 1)), "x"),
            dy(context, out, cast<bf16>(values(p.y_size(), 4)), "dy"), w16(context, kernel, cast<bf16>(w0), "rounded");
        const Guarded<float, 4> w(context, kernel, w0, "w");
        const std::vector<bf16> before = cast<bf16>(uniform(p.y_size(), 5));
        Guarded<bf16, 4> y(context, out, before, "y"), expected_y(context, out, before);
        Guarded<float, 4> dw(context, kernel, dw0, "dw"), expected_dw(context, kernel, dw0);
        const View<const bf16, 4> rounded = keeps_rounded ? w16.view() : View<bf16, 4>{};
        const Conv2dConfig config{.stride = p.stride, .pad = p.pad};

        conv2d(context, expected_y.view(), x, w, View<const float, 1>{}, config);
        conv2d_backward_weights(context, expected_dw.view(), dy, x, config);
        conv2d_padded(context, y.view(), x, w, rounded, config);
        conv2d_padded_weight_gradient(context, dw.view(), dy, x, config);

        const auto floats = [](const std::vector<bf16>& v) { return std::vector<float>(v.begin(), v.end()); };
        const auto wide = [](const std::vector<float>& v) { return std::vector<double>(v.begin(), v.end()); };
        const Class c = whole ? Class::exact : Class::library;
        expect_close(floats(y.get()), wide(floats(expected_y.get())), c, Dtype::bf16, "y", p.terms(ConvPass::forward));
        expect_close(dw.get(), wide(expected_dw.get()), c, Dtype::bf16, "dw", p.terms(ConvPass::backward_weights));
      }
}

TEST_P(Conv2dPadded, LeavesAnEmptyBatchAlone) {
  CRC_SKIP_WITHOUT_BF16(context);
  const Guarded<bf16, 4> x(context, {0, 4, 4, 3}, {}), dy(context, {0, 4, 4, 2}, {});
  const Guarded<float, 4> w(context, {2, 1, 1, 3}, uniform(6, 1));
  Guarded<bf16, 4> y(context, {0, 4, 4, 2}, {});
  Guarded<float, 4> dw(context, {2, 1, 1, 3}, uniform(6, 2), "dw");
  conv2d_padded(context, y.view(), x, w, View<const bf16, 4>{}, Conv2dConfig{.pad = 0});
  conv2d_padded_weight_gradient(context, dw.view(), dy, x, Conv2dConfig{.pad = 0});
  EXPECT_EQ(dw.get(), uniform(6, 2));
}

TEST_P(Conv2dPadded, RefusesWhatNeedsNoPadding) {
  if (GetParam() == "cpu") GTEST_SKIP() << "the CPU pads nothing";
  const Guarded<bf16, 4> x(context, {1, 2, 2, 9}, cast<bf16>(uniform(36, 1)));
  const Guarded<float, 4> w(context, {2, 1, 1, 9}, uniform(18, 1));
  Guarded<bf16, 4> y(context, {1, 2, 2, 2}, cast<bf16>(uniform(8, 1)));
  EXPECT_THROW(conv2d_padded(context, y.view(), x, w, View<const bf16, 4>{}, Conv2dConfig{.pad = 0}), Error);
}

CRC_ON_EACH_DEVICE(Conv2dPadded);

}  // namespace
}  // namespace crc::test
