// Contests on the emulated GPU: what they see of a result, and the convolutions that the gate chooses.
#include "kernels/cuda/contest.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cuda/cuda.h"
#include "kernels/ops/add.h"
#include "kernels/ops/conv2d.h"
#include "kernels/ops/conv2d_join.h"
#include "kernels/ops/conv2d_splitk.h"
#include "kernels/ops/gemm.h"
#include "kernels/ops/gram_accumulate.h"
#include "kernels/ops/gram_pairs.h"
#include "kernels/ops/pairwise_tile.h"
#include "kernels/ops/tf32x3.h"
#include "tests/emulator/emulator.h"
#include "tests/kernels/arrays.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

// Times in the order of the contests' ways, whatever the emulator takes.
std::function<double(const std::function<void()>&)> clock_of(std::vector<double> seconds) {
  return [seconds, next = size_t(0)](const std::function<void()>& run) mutable {
    run();
    return seconds[next++ % seconds.size()];
  };
}

class ContestTest : public ::testing::Test {
 protected:
  ContestTest() {
    context->gate().set_tier(Gate::Tier::chosen);
    context->gate().clock(clock_of({1.0, 0.5}));
  }
  // Between plain, which writes `expected`, and another, which writes `actual`: what became of the other.
  template <class T>
  Tried tried(const std::vector<T>& expected, const std::vector<T>& actual, double tolerance = 1e-3) {
    const int64_t n = int64_t(expected.size());
    const Tensor out(*context, {n}, DtypeOf<T>::value, "out");
    const Tensor a = Tensor::from_host(*context, {n}, expected.data(), "a"),
                 b = Tensor::from_host(*context, {int64_t(actual.size())}, actual.data(), "b");
    const auto write = [&](const Tensor& from) {
      return [&] { context->copy(out.view<T, 1>().slice(0, from.shape()[0]), from.view<const T, 1>()); };
    };
    context->visit([&](auto& backend) {
      if constexpr (std::is_same_v<std::decay_t<decltype(backend)>, Cuda>)
        choose_way(backend, "copy " + std::to_string(++keys), {{"plain", write(a), 0}, {"other", write(b), 0}},
                   {Contested(out.view<T, 1>())}, tolerance);
    });
    return context->gate().verdicts().back().tried[1];
  }

  std::unique_ptr<Context> context = std::make_unique<Context>(Context::cuda());
  int keys = 0;
};

TEST_F(ContestTest, MeasuresTheLargestDifferenceOverSeveralBlocks) {
  const std::vector<float> plain = uniform(70001, 1);
  EXPECT_EQ(tried(plain, plain).refused, "");
  std::vector<float> other = plain;
  other[69999] += 0.25f;
  EXPECT_NEAR(tried(plain, other, 1).difference, 0.25, 0.01);  // the largest magnitude is about 1
  EXPECT_NE(tried(plain, other).refused, "");
  other[5] = NAN;
  EXPECT_TRUE(std::isnan(tried(plain, other, 1e9).difference));
}

TEST_F(ContestTest, ComparesEveryType) {
  EXPECT_EQ(tried<double>({1, 2, INFINITY}, {1, 2, INFINITY}, 0).refused, "");
  EXPECT_NE(tried<double>({1, 2, INFINITY}, {1, 2.5, INFINITY}, 0.9).refused, "");
  EXPECT_NE(tried<int64_t>({1, 2, 3}, {1, 2, 4}, 0).refused, "");
  EXPECT_EQ(tried<bf16>({bf16(1.0f), bf16(2.0f)}, {bf16(1.0f), bf16(2.0f)}, 0).refused, "");
}

TEST_F(ContestTest, SeesWhatIsLeftUnwritten) {
  EXPECT_NE(tried<float>({1, 2, 3, 4}, {1, 2, 3}).refused, "");
  EXPECT_NE(tried<int64_t>({1, 2, 3, 4}, {1, 2, 3}, 0).refused, "");
}

TEST_F(ContestTest, LeavesThePeakOfScratchMemory) {
  const int64_t before = context->scratch().peak_bytes();
  tried(uniform(5000, 1), uniform(5000, 2));
  EXPECT_EQ(context->scratch().peak_bytes(), before);
}

TEST_F(ContestTest, MustNotBeginUnderCapture) {
  const Tensor out(*context, {4}, Dtype::f32, "out");
  EXPECT_THROW(context->record([&] {
    context->visit([&](auto& backend) {
      if constexpr (std::is_same_v<std::decay_t<decltype(backend)>, Cuda>)
        choose_way(backend, "new", {{"plain", [] {}, 0}, {"other", [] {}, 0}}, {Contested(out.view<float, 1>())}, 0);
    });
  }),
               Error);
}

// dw after one call, from ones: by the context's gate, and by split-K alone.
struct Gradients {
  std::vector<float> chosen, split;
  Gradients(Context& context, int64_t images, bool tf32 = false) {
    const auto x = uniform(images * 8 * 8 * 4, 1), dy = uniform(images * 8 * 8 * 4, 2);
    const std::vector<float> ones(4 * 9 * 4, 1.0f);
    const Guarded<float, 4> ax(context, {images, 8, 8, 4}, x, "x"), ady(context, {images, 8, 8, 4}, dy, "dy");
    Guarded<float, 4> a(context, {4, 3, 3, 4}, ones, "dw"), b(context, {4, 3, 3, 4}, ones, "dw");
    conv2d_backward_weights(context, a.view(), ady, ax, Conv2dConfig{.tf32 = tf32});
    conv2d_weight_gradient_splitk(context, b.view(), ady, ax, Conv2dConfig{});
    chosen = a.get(), split = b.get();
  }
};

TEST_F(ContestTest, SplitKIsTakenWhereItIsFasterAndTheGradientIsAddedOnce) {
  const Gradients g(*context, 3);
  EXPECT_EQ(g.chosen, g.split);
  const Gate::Verdict& verdict = context->gate().verdicts().back();
  EXPECT_EQ(verdict.choice.way, "split-K");
  EXPECT_TRUE(verdict.key.starts_with("conv2d_backward_weights x [3,8,8,4]")) << verdict.key;
  const ConvProblem problem{3, 8, 8, 4, 4, 3, 1, 1};
  EXPECT_EQ(conv2d_path(*context, ConvPass::backward_weights, problem), "own, split-K");
  const size_t contests = context->gate().verdicts().size();
  EXPECT_EQ(Gradients(*context, 3).chosen, g.split);
  EXPECT_EQ(context->gate().verdicts().size(), contests);
}

TEST_F(ContestTest, SplitKIsLeftWhereItIsSlower) {
  context->gate().clock(clock_of({1.0, 2.0}));
  const Gradients slower(*context, 5);
  EXPECT_EQ(context->gate().verdicts().back().choice.way, "cuDNN");
  EXPECT_NE(slower.chosen, slower.split);  // fp64 sums of the library's stand-in
}

TEST_F(ContestTest, SplitKStandsForTf32TooWithinTf32sTolerance) {
  const Gradients g(*context, 5, true);
  EXPECT_EQ(g.chosen, g.split);
  const Gate::Verdict& verdict = context->gate().verdicts().back();
  EXPECT_GT(verdict.choice.difference, 1e-5);  // what fp32 would not allow
  EXPECT_TRUE(verdict.key.ends_with("(tf32)")) << verdict.key;
}

// y and dw (from ones) of three channels in bf16.
struct FewChannels {
  std::vector<bf16> y;
  std::vector<float> dw;
  explicit FewChannels(Context& context) {
    const Guarded<bf16, 4> x(context, {3, 8, 8, 3}, cast<bf16>(uniform(3 * 8 * 8 * 3, 1)), "x"),
        dy(context, {3, 8, 8, 4}, cast<bf16>(uniform(3 * 8 * 8 * 4, 2)), "dy");
    const Guarded<float, 4> w(context, {4, 3, 3, 3}, uniform(4 * 9 * 3, 3), "w");
    Guarded<bf16, 4> out(context, {3, 8, 8, 4}, std::vector<bf16>(3 * 8 * 8 * 4), "y");
    Guarded<float, 4> gradient(context, {4, 3, 3, 3}, std::vector<float>(4 * 9 * 3, 1.0f), "dw");
    conv2d(context, out.view(), x, w, View<const float, 1>{}, Conv2dConfig{});
    conv2d_backward_weights(context, gradient.view(), dy, x, Conv2dConfig{});
    y = out.get(), dw = gradient.get();
  }
};

TEST_F(ContestTest, FewChannelsAreWidenedWhereThatIsFasterAndTheGradientIsAddedOnce) {
  const ConvProblem problem{3, 8, 8, 3, 4, 3, 1, 1, Dtype::bf16};
  const FewChannels wide(*context);
  for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_weights}) {
    const char* op = pass == ConvPass::forward ? "conv2d " : "conv2d_backward_weights ";
    EXPECT_EQ(context->gate().known(op + to_string(problem)), "8 channels");
    EXPECT_TRUE(conv2d_path(*context, pass, problem).ends_with(", 8 channels")) << conv2d_path(*context, pass, problem);
  }
  Context other = Context::cuda();
  other.gate().set_tier(Gate::Tier::chosen);
  other.gate().clock(clock_of({1.0, 2.0}));  // the plain way is always the faster one
  const FewChannels narrow(other);
  EXPECT_EQ(conv2d_path(other, ConvPass::forward, problem).find("channels"), std::string::npos);
  const auto floats = [](const std::vector<bf16>& v) { return std::vector<float>(v.begin(), v.end()); };
  expect_close(floats(wide.y), floats(narrow.y), Class::library, Dtype::bf16, "y", problem.terms(ConvPass::forward));
  expect_close(wide.dw, narrow.dw, Class::library, Dtype::bf16, "dw", problem.terms(ConvPass::backward_weights));
}

// A convolution and two products of fp32 arrays, as scoring asks for them or as training does.
struct Scored {
  std::vector<float> y, c, batch;
  explicit Scored(Context& context, bool tf32x3) {
    const Guarded<float, 4> x(context, {3, 8, 8, 8}, uniform(3 * 8 * 8 * 8, 1), "x"),
        w(context, {4, 3, 3, 8}, uniform(4 * 9 * 8, 2), "w"), a4(context, {2, 3, 5, 4}, uniform(120, 3), "a"),
        b4(context, {2, 1, 5, 6}, uniform(60, 4), "b");
    const Guarded<float, 2> a(context, {9, 40}, uniform(360, 5), "a"), b(context, {7, 40}, uniform(280, 6), "b");
    Guarded<float, 4> out(context, {3, 8, 8, 4}, std::vector<float>(3 * 8 * 8 * 4), "y"),
        c4(context, {2, 3, 4, 6}, std::vector<float>(144), "c");
    Guarded<float, 2> product(context, {9, 7}, std::vector<float>(63), "c");
    conv2d(context, out.view(), x, w, View<const float, 1>{}, Conv2dConfig{.tf32x3 = tf32x3});
    gemm(context, product.view(), a, b, GemmConfig{.transpose_b = true, .tf32x3 = tf32x3});
    gemm_batched(context, c4.view(), a4, b4, GemmConfig{.transpose_a = true, .tf32x3 = tf32x3});
    y = out.get(), c = product.get(), batch = c4.get();
  }
  void expect_close_to(const Scored& other) const {
    expect_close(y, other.y, Class::library, Dtype::f32, "y", 72);
    expect_close(c, other.c, Class::library, Dtype::f32, "c", 40);
    expect_close(batch, other.batch, Class::library, Dtype::f32, "batch", 5);
  }
};

TEST_F(ContestTest, ThreeProductsOfTf32StandForFp32WhereTheyAreFasterAndOnlyForScores) {
  const Scored strict(*context, false);
  EXPECT_TRUE(context->gate().verdicts().empty());  // training's fp32 is fp32
  const Scored scored(*context, true);
  ASSERT_EQ(context->gate().verdicts().size(), 3u);
  for (const Gate::Verdict& verdict : context->gate().verdicts()) {
    EXPECT_EQ(verdict.choice.way, kTf32x3) << verdict.key;
    EXPECT_TRUE(verdict.all_right()) << describe(verdict);
  }
  scored.expect_close_to(strict);
  EXPECT_NE(scored.y, strict.y);
  EXPECT_EQ(Scored(*context, false).y, strict.y);
}

TEST_F(ContestTest, OneProductOfTf32IsNotFp32) {
  const Guarded<float, 4> x(*context, {3, 8, 8, 8}, uniform(1536, 1), "x"),
      w(*context, {4, 3, 3, 8}, uniform(288, 2), "w");
  const auto y = [&](bool tf32) {
    Guarded<float, 4> out(*context, {3, 8, 8, 4}, std::vector<float>(768), "y");
    conv2d(*context, out.view(), x, w, View<const float, 1>{}, Conv2dConfig{.tf32 = tf32});
    return out.get();
  };
  const ConvProblem problem{3, 8, 8, 8, 4, 3, 1, 1};
  EXPECT_EQ(tried(y(false), y(true), 2 * conv_tolerance(ConvPass::forward, problem)).outcome, Outcome::differs);
}

TEST_F(ContestTest, ThreeProductsOfTf32AreLeftWhereTheyAreSlowerOrCannotBe) {
  context->gate().clock(clock_of({1.0, 2.0}));
  EXPECT_EQ(Scored(*context, true).y, Scored(*context, false).y);
  EXPECT_EQ(context->gate().verdicts().size(), 3u);
  setenv("EMULATOR_LACKS", "bf16", 1);  // and tf32
  Context old = Context::cuda();
  unsetenv("EMULATOR_LACKS");
  old.gate().set_tier(Gate::Tier::chosen);
  (void)Scored(old, true);
  EXPECT_TRUE(old.gate().verdicts().empty());
}

// y = conv2d(x) + plus and dx = its data gradient + plus, whoever adds, and who did.
template <class T> struct Joined {
  std::vector<T> y, dx;
  bool forward, backward;
  explicit Joined(Context& context, Conv2dConfig config = {}) {
    const Guarded<T, 4> x(context, {3, 8, 8, 8}, cast<T>(uniform(1536, 1)), "x"),
        dy(context, {3, 8, 8, 4}, cast<T>(uniform(768, 2)), "dy"),
        to_y(context, {3, 8, 8, 4}, cast<T>(uniform(768, 3))), to_dx(context, {3, 8, 8, 8}, cast<T>(uniform(1536, 4)));
    const Guarded<float, 4> w(context, {4, 3, 3, 8}, uniform(288, 5), "w");
    const Guarded<bf16, 4> rounded(context, {4, 3, 3, 8}, cast<bf16>(uniform(288, 5)), "rounded");
    Guarded<T, 4> out(context, {3, 8, 8, 4}, std::vector<T>(768), "y"),
        gradient(context, {3, 8, 8, 8}, std::vector<T>(1536), "dx");
    const View<const float, 1> none{};
    if constexpr (std::is_same_v<T, bf16>) {
      forward = conv2d_join(context, out.view(), x, w, none, rounded, to_y, config);
      backward = conv2d_backward_data_join(context, gradient.view(), dy, w, rounded, to_dx, config);
    } else {
      forward = conv2d_join(context, out.view(), x, w, none, to_y, config);
      backward = conv2d_backward_data_join(context, gradient.view(), dy, w, to_dx, config);
    }
    if (!forward) add(context, out.view().flat(), out.view().flat(), to_y.view().flat());
    if (!backward) add(context, gradient.view().flat(), gradient.view().flat(), to_dx.view().flat());
    y = out.get(), dx = gradient.get();
  }
};

TEST_F(ContestTest, ResidualsAreAddedOnTheWayWhereThatIsFasterAndTheSumIsTheSame) {
  Context plain = Context::cuda();
  plain.gate().set_tier(Gate::Tier::plain);
  const auto floats = [](const std::vector<bf16>& v) { return std::vector<float>(v.begin(), v.end()); };
  const Joined<bf16> apart(plain), fused(*context);
  EXPECT_FALSE(apart.forward || apart.backward);
  EXPECT_TRUE(fused.forward && fused.backward);
  expect_close(floats(fused.y), floats(apart.y), Class::library, Dtype::bf16, "y", 72);
  expect_close(floats(fused.dx), floats(apart.dx), Class::library, Dtype::bf16, "dx", 36);
  EXPECT_NE(floats(fused.y), floats(apart.y));  // rounded once
  const Joined<float> tf32(*context, {.tf32 = true}), tf32_apart(plain, {.tf32 = true}), strict(*context);
  EXPECT_TRUE(tf32.forward && tf32.backward);
  EXPECT_FALSE(strict.forward || strict.backward);
  expect_close(tf32.y, tf32_apart.y, Class::library, Dtype::f32, "y", 72);
  ASSERT_EQ(context->gate().verdicts().size(), 4u);
  for (const Gate::Verdict& verdict : context->gate().verdicts()) EXPECT_TRUE(verdict.all_right()) << describe(verdict);
  const Joined<bf16> again(*context);
  EXPECT_EQ(floats(again.y), floats(fused.y));
  EXPECT_EQ(context->gate().verdicts().size(), 4u);
}

TEST_F(ContestTest, AFusedResidualThatIsForgottenIsNeverUsed) {
  setenv("EMULATOR_LACKS", "residuals", 1);
  const Joined<float> joined(*context, {.tf32 = true});
  unsetenv("EMULATOR_LACKS");
  EXPECT_FALSE(joined.forward || joined.backward);
  ASSERT_EQ(context->gate().verdicts().size(), 2u);
  for (const Gate::Verdict& verdict : context->gate().verdicts())
    EXPECT_EQ(verdict.tried[1].outcome, Outcome::differs) << describe(verdict);
  context->gate().set_tier(Gate::Tier::plain);
  EXPECT_EQ(joined.y, Joined<float>(*context, {.tf32 = true}).y);
}

TEST_F(ContestTest, ResidualsStayApartWhereThatIsFaster) {
  context->gate().clock(clock_of({1.0, 2.0}));
  const Joined<bf16> apart(*context);
  EXPECT_FALSE(apart.forward || apart.backward);
  EXPECT_EQ(context->gate().known("convolution forward + residual x [3,8,8,8] w [4,3,3,8] stride 1 pad 1 bf16"),
            "apart");
}

TEST_F(ContestTest, TilesOfPairsAreTriedOnTheFirstLargeCall) {
  const int64_t n = 1030, d = 3;
  const Tensor x = Tensor::from_host(*context, {n, d}, uniform(n * d, 1).data(), "x");
  const Tensor gain(*context, {n}, Dtype::f64, "gain"), zeros(*context, {n}, Dtype::f64, "zeros");
  const Tensor values(*context, {n, 2}, Dtype::f64, "values"), places(*context, {n, 2}, Dtype::i64, "places");
  const std::vector<double> ones(n, 1.0);
  const Tensor weights = Tensor::from_host(*context, {n}, ones.data(), "weights");
  const auto rows = x.view<const float, 2>();
  const Pairing pairing{.measure = Measure::rbf, .radius = 0.5};
  const auto sums = [&](int64_t columns) {
    pairwise_gain(*context, gain.view<double, 1>(), rows, rows.slice(0, columns),
                  zeros.view<const double, 1>().slice(0, columns), weights.view<const double, 1>().slice(0, columns),
                  pairing);
    return gain.to_host<double>(*context);
  };
  const auto few = sums(40);
  EXPECT_TRUE(context->gate().verdicts().empty());  // not worth it
  (void)sums(n);
  ASSERT_EQ(context->gate().verdicts().size(), 1u);
  EXPECT_EQ(context->gate().verdicts()[0].choice.way, "tiles");
  EXPECT_EQ(context->gate().verdicts()[0].key, "pairwise gain rbf [*,3] f64");
  EXPECT_EQ(sums(40), few);  // the same bits, by tiles
  pairwise_least(*context, values.view<double, 2>(), places.view<int64_t, 2>(), rows, rows, pairing);
  ASSERT_EQ(context->gate().verdicts().size(), 2u);
  EXPECT_TRUE(context->gate().verdicts()[1].all_right());
  EXPECT_EQ(context->gate().verdicts()[1].tried[1].difference, 0);
}

// k after one call, from ones: by the context's gate, and by pairs of fp32 alone.
struct Grams {
  std::vector<double> chosen, pairs;
  Grams(Context& context, int64_t columns) {
    const Guarded<float, 3> a(context, {1, 3, columns}, uniform(3 * columns, 1), "a"),
        c(context, {1, 2, columns}, uniform(2 * columns, 2), "c");
    Guarded<double, 3> k(context, {1, 3, 2}, std::vector<double>(6, 1.0), "k"),
        by_pairs(context, {1, 3, 2}, std::vector<double>(6, 1.0), "k");
    gram_accumulate(context, k.view(), a, c);
    gram_pairs(context, by_pairs.view(), a, c);
    chosen = k.get(), pairs = by_pairs.get();
  }
};

TEST_F(ContestTest, PairsOfFp32AreOfferedWhereFp64IsSlow) {
  const Grams fast(*context, 5000);
  EXPECT_TRUE(context->gate().verdicts().empty());
  EXPECT_NE(fast.chosen, fast.pairs);
  setenv("EMULATOR_LACKS", "fp64", 1);
  Context slow = Context::cuda();
  unsetenv("EMULATOR_LACKS");
  slow.gate().set_tier(Gate::Tier::chosen);
  slow.gate().clock(clock_of({1.0, 0.5}));
  const Grams few(slow, 4000);  // too few panels to average their errors
  EXPECT_TRUE(slow.gate().verdicts().empty());
  const Grams many(slow, 9000);
  ASSERT_EQ(slow.gate().verdicts().size(), 1u);
  const Gate::Verdict& verdict = slow.gate().verdicts()[0];
  EXPECT_EQ(verdict.key, "gram_accumulate [1,3,2]");
  EXPECT_EQ(verdict.choice.way, "fp32 pairs") << describe(verdict);
  EXPECT_GT(verdict.choice.difference, 0);
  EXPECT_EQ(many.chosen, many.pairs);
  expect_close(many.chosen, Grams(*context, 9000).chosen, Class::pairs, Dtype::f64, "k");
  const Grams more(slow, 20000);  // no further contest for other widths of one network
  EXPECT_EQ(more.chosen, more.pairs);
  EXPECT_EQ(slow.gate().verdicts().size(), 1u);
}

TEST_F(ContestTest, BranchesShareTheGate) {
  (void)Gradients(*context, 3);
  const size_t contests = context->gate().verdicts().size();
  EXPECT_EQ(&context->branch(1).gate(), &context->gate());
  (void)Gradients(context->branch(1), 3);
  EXPECT_EQ(context->gate().verdicts().size(), contests);
}

}  // namespace
}  // namespace crc::test
