#include "kernels/ops/conv2d_splitk.h"

#include <cmath>

#include "kernels/core/tensor.h"
#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

// {n, h, w, c, k, r, stride, pad}: WRN's layers in small, then what fits no tile.
const std::vector<ConvProblem> kSplitProblems{
    {5, 32, 32, 3, 16, 3, 1, 1},   // the stem: 20 chunks, columns one by one
    {2, 32, 32, 16, 32, 3, 1, 1},  // two tiles of columns, half of the second empty
    {3, 16, 16, 32, 32, 3, 1, 1},  // three whole tiles
    {2, 16, 16, 32, 64, 3, 2, 1},  // stride 2
    {2, 8, 8, 64, 128, 3, 2, 1},   // two tiles of rows
    {1, 8, 8, 128, 128, 3, 1, 1},  // one chunk
    {3, 16, 16, 32, 64, 1, 2, 0},  // 1x1 with stride
    {5, 16, 16, 16, 32, 1, 1, 0},  // 1x1
    {1, 1, 1, 1, 1, 1, 1, 0},      // the smallest
    {7, 9, 11, 5, 7, 3, 2, 0},     // channels that are no fours
    {3, 13, 17, 12, 20, 3, 1, 1},  // fours that fill no tile
    {1, 10, 300, 4, 4, 5, 1, 2}};  // a row longer than a chunk; another kernel

// dw without what was there, straight from the equation.
std::vector<double> weight_gradient(const ConvProblem& c, const std::vector<float>& x, const std::vector<float>& dy) {
  std::vector<double> dw(size_t(c.w_size()));
  for (int64_t n = 0; n < c.n; ++n)
    for (int64_t p = 0; p < c.p(); ++p)
      for (int64_t q = 0; q < c.q(); ++q)
        for (int64_t r = 0; r < c.r; ++r)
          for (int64_t s = 0; s < c.r; ++s) {
            const int64_t row = p * c.stride + r - c.pad, column = q * c.stride + s - c.pad;
            if (row < 0 || row >= c.h || column < 0 || column >= c.w) continue;
            const float *from = &x[((n * c.h + row) * c.w + column) * c.c],
                        *at = &dy[((n * c.p() + p) * c.q() + q) * c.k];
            for (int64_t k = 0; k < c.k; ++k)
              for (int64_t i = 0; i < c.c; ++i) dw[((k * c.r + r) * c.r + s) * c.c + i] += double(at[k]) * from[i];
          }
  return dw;
}

struct SplitExample {
  ConvProblem p;
  std::vector<float> x, dy, dw;

  SplitExample(const ConvProblem& problem, bool whole) : p(problem) {
    const auto values = [&](int64_t n, uint32_t seed) {
      std::vector<float> v = uniform(n, seed, whole ? -4 : -1, whole ? 5 : 1);
      if (whole)
        for (float& e : v) e = std::floor(e);
      return v;
    };
    x = values(p.x_size(), 1), dy = values(p.y_size(), 2), dw = values(p.w_size(), 3);
  }
  std::vector<double> expected() const {
    std::vector<double> sum = weight_gradient(p, x, dy);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += dw[i];
    return sum;
  }
  // shift: elements by which the arrays miss their alignment.
  std::vector<float> run(Context& context, bool recorded = false, int64_t shift = 0) const {
    const auto shifted = [&](const std::vector<float>& v) {
      std::vector<float> all(size_t(shift), NAN);
      all.insert(all.end(), v.begin(), v.end());
      return all;
    };
    Guarded<float, 1> from_x(context, {p.x_size() + shift}, shifted(x), "x"),
        from_dy(context, {p.y_size() + shift}, shifted(dy), "dy");
    Guarded<float, 4> to(context, {p.k, p.r, p.r, p.c}, dw, "dw");
    View<const float, 4> vx{from_x.view().data + shift, {p.n, p.h, p.w, p.c}, context.device(), "x"},
        vdy{from_dy.view().data + shift, {p.n, p.p(), p.q(), p.k}, context.device(), "dy"};
    const auto work = [&] {
      conv2d_weight_gradient_splitk(context, to.view(), vdy, vx, Conv2dConfig{.stride = p.stride, .pad = p.pad});
    };
    recorded ? context.record(work)() : work();
    return to.get();
  }
};

class Conv2dSplitK : public OnDevice {};

TEST_P(Conv2dSplitK, EqualsTheEquation) {
  for (const ConvProblem& p : kSplitProblems) {
    SCOPED_TRACE(to_string(p));
    const SplitExample e(p, false);
    expect_close(e.run(context), e.expected(), Class::library, Dtype::f32, "dw", split_k(p).length);
  }
}

TEST_P(Conv2dSplitK, IsExactOnWholeNumbers) {
  for (const ConvProblem& p : kSplitProblems) {
    SCOPED_TRACE(to_string(p));
    const SplitExample e(p, true);
    expect_close(e.run(context), e.expected(), Class::exact, Dtype::f32, "dw");
  }
}

// One order of summation: whatever the device, the alignment (and with it the kernel), or the number of threads.
TEST_P(Conv2dSplitK, HasOneResult) {
  Context one = Context::cpu(1);
  for (const ConvProblem& p : kSplitProblems) {
    SCOPED_TRACE(to_string(p));
    const SplitExample e(p, false);
    const std::vector<float> once = e.run(context);
    EXPECT_EQ(once, e.run(one));
    EXPECT_EQ(once, e.run(context, false, 1)) << "where nothing is aligned";
    const int64_t reserved = context.scratch().reserved_bytes();
    EXPECT_EQ(once, e.run(context, true)) << "recorded";
    EXPECT_EQ(context.scratch().reserved_bytes(), reserved);
  }
}

TEST_P(Conv2dSplitK, LeavesAnEmptyBatchAlone) {
  const SplitExample e({0, 5, 5, 3, 4, 3, 1, 1}, false);
  EXPECT_EQ(e.run(context), e.dw);
}

TEST_P(Conv2dSplitK, NamesTheShapeThatDoesNotFit) {
  Guarded<float, 4> x(context, {2, 5, 5, 3}, uniform(150, 1), "x"), dy(context, {2, 5, 5, 4}, uniform(200, 2), "dy"),
      dw(context, {4, 3, 3, 2}, uniform(72, 3), "dw");
  try {
    conv2d_weight_gradient_splitk(context, dw.view(), dy.view(), x.view(), Conv2dConfig{});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "conv2d_weight_gradient_splitk: 'dw' has shape [4,3,3,2], expected [4,3,3,3]");
  }
}

CRC_ON_EACH_DEVICE(Conv2dSplitK);

TEST(SplitKTest, CoversEveryPositionOnceWithBlocksForAnyGpu) {
  constexpr int64_t kBatch = 960, kLayers[][5] = {{32, 3, 16, 3, 1},  {32, 32, 32, 3, 1},  {32, 32, 64, 3, 2},
                                                  {16, 64, 64, 3, 1}, {8, 128, 128, 3, 1}, {16, 64, 128, 1, 2}};
  for (const auto& [side, c, k, r, stride] : kLayers) {
    const ConvProblem p{kBatch, side, side, c, k, r, stride, r / 2};
    SCOPED_TRACE(to_string(p));
    const SplitK split = split_k(p);
    const int64_t positions = p.terms(ConvPass::backward_weights);
    EXPECT_GE(split.chunks * split.length, positions);
    EXPECT_LT((split.chunks - 1) * split.length, positions);
    EXPECT_EQ(split.length % kSplitDepth, 0);
    EXPECT_GE(split.blocks(), 480) << "fewer than 132 multiprocessors of an H200 can hold";
    EXPECT_LE(split.blocks(), 2048);
    EXPECT_LE(split.chunks * p.w_size() * 4, 64 << 20) << "bytes of scratch";
  }
  EXPECT_EQ(split_k({0, 5, 5, 3, 4, 3, 1, 1}).chunks, 0);
}

}  // namespace
}  // namespace crc::test
