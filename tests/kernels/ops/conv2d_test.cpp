#include "kernels/ops/conv2d.h"

#include <cmath>
#include <cstring>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

// {n, h, w, c, k, r, stride, pad}
const std::vector<ConvProblem> kProblems{
    {1, 1, 1, 1, 1, 1, 1, 0},       // the smallest
    {1, 3, 3, 1, 1, 3, 1, 0},       // one output pixel
    {1, 5, 7, 3, 16, 3, 1, 1},      // RGB, odd and unequal sides
    {2, 8, 8, 16, 8, 1, 1, 0},      // 1x1
    {3, 9, 7, 5, 7, 1, 2, 0},       // 1x1 with stride, odd channels
    {3, 8, 8, 16, 32, 3, 2, 1},     // even sides: the last row of padding is never read
    {2, 9, 11, 7, 13, 3, 2, 0},     // no padding
    {2, 6, 6, 4, 4, 5, 1, 2},       // another kernel
    {37, 8, 8, 16, 16, 3, 1, 1},    // the CPU cuts its weight gradient into unequal slices
    {7, 32, 32, 16, 32, 3, 1, 1}};  // and its forward and backward-data passes

// Fewer channels than a vector has floats, where the CPU's library takes paths of their own.
std::vector<ConvProblem> few_channels() {
  std::vector<ConvProblem> problems;
  for (int64_t side : {28, 32})
    for (int64_t c : {1, 2, 3, 4, 5, 7})
      for (int64_t k : {1, 2, 3, 4, 5, 7})
        for (int64_t r : {1, 3})
          for (int64_t stride : {1, 2}) problems.push_back({3, side, side, c, k, r, stride, r / 2});
  return problems;
}

// Every term of the convolution, straight from the equation: f(index into x, into w, into y).
template <class F> void for_each_term(const ConvProblem& p, F f) {
  for (int64_t n = 0; n < p.n; ++n)
    for (int64_t i = 0; i < p.p(); ++i)
      for (int64_t j = 0; j < p.q(); ++j)
        for (int64_t k = 0; k < p.k; ++k)
          for (int64_t r = 0; r < p.r; ++r)
            for (int64_t s = 0; s < p.r; ++s) {
              const int64_t row = i * p.stride + r - p.pad, column = j * p.stride + s - p.pad;
              if (row < 0 || row >= p.h || column < 0 || column >= p.w) continue;
              const int64_t x = ((n * p.h + row) * p.w + column) * p.c;
              const int64_t w = ((k * p.r + r) * p.r + s) * p.c;
              const int64_t y = ((n * p.p() + i) * p.q() + j) * p.k + k;
              for (int64_t c = 0; c < p.c; ++c) f(x + c, w + c, y);
            }
}

// The arrays of one problem, and what the three ops must make of them. T: float or bf16.
template <class T> struct Example {
  ConvProblem p;
  std::vector<float> x, w, bias, dy, dw0;
  std::vector<double> y, dx, dw;  // y without the bias, dw without dw0

  // Small whole numbers make every sum exact, in any order.
  Example(const ConvProblem& problem, bool whole) : p(problem) {
    const auto values = [&](int64_t n, uint32_t seed) {
      std::vector<float> v = uniform(n, seed, whole ? -4 : -1, whole ? 5 : 1);
      for (float& e : v) e = whole ? std::floor(e) : float(T(e));
      return v;
    };
    x = values(p.x_size(), 1), w = values(p.w_size(), 2), bias = values(p.k, 3);
    dy = values(p.y_size(), 4), dw0 = values(p.w_size(), 5);
    y.resize(p.y_size()), dx.resize(p.x_size()), dw.resize(p.w_size());
    for_each_term(p, [&](int64_t ix, int64_t iw, int64_t iy) {
      y[iy] += double(x[ix]) * w[iw];
      dx[ix] += double(dy[iy]) * w[iw];
      dw[iw] += double(dy[iy]) * x[ix];
    });
  }
  double y_with_bias(int64_t i) const { return y[i] + bias[i % p.k]; }
};

// The arrays on a device, and the ops run on them.
template <class T> class Conv {
 public:
  Conv(Context& context, const Example<T>& e)
      : context_(context),
        p_(e.p),
        x_(context, {p_.n, p_.h, p_.w, p_.c}, cast<T>(e.x), "x"),
        dx_(context, {p_.n, p_.h, p_.w, p_.c}, cast<T>(uniform(p_.x_size(), 6)), "dx"),
        dy_(context, {p_.n, p_.p(), p_.q(), p_.k}, cast<T>(e.dy), "dy"),
        y_(context, {p_.n, p_.p(), p_.q(), p_.k}, cast<T>(uniform(p_.y_size(), 7)), "y"),
        w_(context, {p_.k, p_.r, p_.r, p_.c}, e.w, "w"),
        dw_(context, {p_.k, p_.r, p_.r, p_.c}, e.dw0, "dw"),
        bias_(context, {p_.k}, e.bias, "bias") {}

  void forward(bool with_bias) {
    conv2d(context_, y_.view(), x_, w_, with_bias ? bias_ : View<const float, 1>(), config());
  }
  void backward_data() { conv2d_backward_data(context_, dx_.view(), dy_, w_, config()); }
  void backward_weights() { conv2d_backward_weights(context_, dw_.view(), dy_, x_, config()); }
  // With weights that are rounded already.
  void given(View<const bf16, 4> rounded) {
    conv2d(context_, y_.view(), x_, w_, bias_, rounded, config());
    conv2d_backward_data(context_, dx_.view(), dy_, w_, rounded, config());
  }
  void all() { forward(true), backward_data(), backward_weights(); }
  std::vector<T> y() const { return y_.get(); }
  std::vector<T> dx() const { return dx_.get(); }
  std::vector<float> dw() const { return dw_.get(); }

 private:
  Conv2dConfig config() const { return {.stride = p_.stride, .pad = p_.pad}; }
  Context& context_;
  ConvProblem p_;
  Guarded<T, 4> x_, dx_, dy_, y_;
  Guarded<float, 4> w_, dw_;
  Guarded<float, 1> bias_;
};

template <class A> std::vector<float> narrow(const std::vector<A>& v) {
  std::vector<float> out;
  for (const A& e : v) out.push_back(float(e));
  return out;
}

template <class T>
void expect_right(Context& context, bool whole, const std::vector<ConvProblem>& problems = kProblems) {
  const Dtype dtype = DtypeOf<T>::value;
  const Class c = whole ? Class::exact : Class::library;
  const bool cuda = context.device().kind == DeviceKind::cuda;
  for (const ConvProblem& p : problems) {
    SCOPED_TRACE(to_string(p));
    const Example<T> e(p, whole);
    // What storing a result in T does to a sum that is exact; on the way to the result only cuDNN does.
    const auto stored = [&](double v) { return whole ? double(float(T(float(v)))) : v; };
    const auto on_the_way = [&](double v) { return cuda ? stored(v) : v; };
    std::vector<double> y, y_with_bias, dx, dw;
    for (int64_t i = 0; i < p.y_size(); ++i) {
      y.push_back(stored(e.y[i]));
      y_with_bias.push_back(stored(on_the_way(e.y[i]) + e.bias[i % p.k]));
    }
    for (double v : e.dx) dx.push_back(stored(v));
    for (int64_t i = 0; i < p.w_size(); ++i) dw.push_back(on_the_way(e.dw[i]) + e.dw0[i]);

    Conv<T> run(context, e);
    run.all();
    expect_close(narrow(run.y()), y_with_bias, c, dtype, "y with bias", p.terms(ConvPass::forward));
    expect_close(narrow(run.dx()), dx, c, dtype, "dx", p.terms(ConvPass::backward_data));
    expect_close(run.dw(), dw, c, dtype, "dw", p.terms(ConvPass::backward_weights));
    run.forward(false);
    expect_close(narrow(run.y()), y, c, dtype, "y", p.terms(ConvPass::forward));
  }
}

class Conv2d : public OnDevice {};

TEST_P(Conv2d, EqualsTheEquation) { expect_right<float>(context, false); }
TEST_P(Conv2d, IsExactOnWholeNumbers) { expect_right<float>(context, true); }
TEST_P(Conv2d, EqualsTheEquationInBf16) {
  CRC_SKIP_WITHOUT_BF16(context);
  expect_right<bf16>(context, false);
}
TEST_P(Conv2d, IsExactOnWholeNumbersInBf16) {
  CRC_SKIP_WITHOUT_BF16(context);
  expect_right<bf16>(context, true);
}

template <class T> void expect_same(const Conv<T>& a, const Conv<T>& b) {
  EXPECT_EQ(narrow(a.y()), narrow(b.y()));
  EXPECT_EQ(narrow(a.dx()), narrow(b.dx()));
  EXPECT_EQ(a.dw(), b.dw());
}

template <class T> void expect_same_twice(Context& context) {
  for (const ConvProblem& p : kProblems) {
    SCOPED_TRACE(to_string(p));
    const Example<T> e(p, false);
    Conv<T> first(context, e), second(context, e);
    first.all();
    const int64_t reserved = context.scratch().reserved_bytes();
    context.scratch().freeze();
    second.all();
    context.scratch().thaw();
    EXPECT_EQ(context.scratch().reserved_bytes(), reserved);
    expect_same(first, second);
  }
}
TEST_P(Conv2d, GivesTheSameBitsTwiceWithoutGrowingScratch) { expect_same_twice<float>(context); }
TEST_P(Conv2d, GivesTheSameBitsTwiceInBf16) {
  CRC_SKIP_WITHOUT_BF16(context);
  expect_same_twice<bf16>(context);
}

TEST_P(Conv2d, TakesWeightsThatAreRoundedAlready) {
  CRC_SKIP_WITHOUT_BF16(context);
  for (const ConvProblem& p : kProblems) {
    SCOPED_TRACE(to_string(p));
    Example<bf16> e(p, false);
    e.w = uniform(p.w_size(), 9);  // no bf16 numbers
    const int64_t shape[] = {p.k, p.r, p.r, p.c};
    const Guarded<bf16, 4> rounded(context, shape, cast<bf16>(e.w)),
        zeros(context, shape, cast<bf16>(std::vector<float>(e.w.size())));
    Conv<bf16> alone(context, e), given(context, e);
    alone.forward(true), alone.backward_data();
    given.given(rounded.view());
    EXPECT_EQ(narrow(given.y()), narrow(alone.y()));
    EXPECT_EQ(narrow(given.dx()), narrow(alone.dx()));
    if (context.device().kind == DeviceKind::cpu) continue;  // it rounds w as it lays it out
    given.given(zeros.view());
    EXPECT_EQ(narrow(given.dx()), std::vector<float>(given.dx().size()));
  }
}

TEST_P(Conv2d, CanBeRecorded) {
  const ConvProblem& p = kProblems[5];
  const Example<float> e(p, true);
  Conv<float> run(context, e);
  run.all();
  const auto replay = context.record([&] { run.all(); });
  replay();
  std::vector<double> dw(e.dw);
  for (int64_t i = 0; i < p.w_size(); ++i) dw[i] = 2 * dw[i] + e.dw0[i];
  expect_close(run.dw(), dw, Class::exact, Dtype::f32, "dw after two calls");
}

TEST_P(Conv2d, SaysWhoComputesIt) {
  const std::string path = conv2d_path(context, ConvPass::forward, kProblems[0]);
  EXPECT_EQ(path, context.device().kind == DeviceKind::cpu ? "oneDNN" : "cuDNN -1");  // it has not run
}

TEST_P(Conv2d, LeavesAnEmptyBatchAlone) {
  const Example<float> e({0, 5, 5, 3, 4, 3, 1, 1}, false);
  Conv<float> run(context, e);
  run.all();
  EXPECT_EQ(run.dw(), e.dw0);
}

TEST_P(Conv2d, NamesTheShapeThatDoesNotFit) {
  Guarded<float, 4> x(context, {2, 5, 5, 3}, uniform(150, 1), "x"), w(context, {4, 3, 3, 3}, uniform(108, 2), "w"),
      y(context, {2, 5, 5, 4}, uniform(200, 3), "y"), deep(context, {4, 3, 3, 2}, uniform(72, 4), "deep"),
      flat(context, {4, 3, 1, 3}, uniform(36, 5), "flat");
  Guarded<float, 1> bias(context, {3}, uniform(3, 6), "bias");
  const View<const float, 1> none;
  const auto message = [&](const Guarded<float, 4>& weights, const View<const float, 1>& b, Conv2dConfig config) {
    try {
      conv2d(context, y.view(), x, weights, b, config);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::internal);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(message(w, none, {}), "no error");
  EXPECT_EQ(message(deep, none, {}), "conv2d: 'deep' has shape [4,3,3,2], expected [4,3,3,3]");
  EXPECT_EQ(message(flat, none, {}), "conv2d: 'flat' has shape [4,3,1,3], expected [4,3,3,3]");
  EXPECT_EQ(message(w, bias, {}), "conv2d: 'bias' has shape [3], expected [4]");
  EXPECT_EQ(message(w, none, {.stride = 2}), "conv2d: 'y' has shape [2,5,5,4], expected [2,3,3,4]");
  EXPECT_EQ(message(w, none, {.stride = 0}), "conv2d: no such convolution: x [2,5,5,3] w [4,3,3,3] stride 0 pad 1 f32");
}

TEST_P(Conv2d, RefusesBf16WithoutItsInstructions) {
  if (context.has_bf16()) GTEST_SKIP() << "this device has bf16";
  Conv<bf16> run(context, Example<bf16>(kProblems[0], false));
  EXPECT_THROW(run.forward(false), Error);
}

CRC_ON_EACH_DEVICE(Conv2d);

// work() must leave alone what lies behind the scratch that it takes.
template <class F> void expect_stays_in_scratch(Context& context, F&& work) {
  constexpr int64_t kGuard = 64 << 10;
  constexpr char kSentinel = 77;
  Arena& arena = context.scratch();
  arena.clear();
  work();
  const int64_t taken = arena.peak_bytes();
  arena.clear();
  const auto behind = [&] {  // in the block that work() takes from next
    const Arena::Frame frame(arena);
    return static_cast<char*>(arena.take_bytes(taken + kGuard)) + taken;
  };
  std::memset(behind(), kSentinel, kGuard);
  work();
  const char* guard = behind();
  for (int64_t i = 0; i < kGuard; ++i)
    if (guard[i] != kSentinel) {
      ADD_FAILURE() << "written " << i << " bytes past the end of its scratch";
      return;
    }
}

TEST(Conv2dOnTheCpu, IsExactWithFewChannels) {
  Context context = Context::cpu(3);
  expect_right<float>(context, true, few_channels());
}
TEST(Conv2dOnTheCpu, IsExactWithFewChannelsInBf16) {
  Context context = Context::cpu(3);
  CRC_SKIP_WITHOUT_BF16(context);
  expect_right<bf16>(context, true, few_channels());
}

template <class T> void expect_all_stay_in_scratch(Context& context) {
  std::vector<ConvProblem> problems = few_channels();
  problems.insert(problems.end(), kProblems.begin(), kProblems.end());
  for (const ConvProblem& p : problems) {
    SCOPED_TRACE(to_string(p));
    Conv<T> run(context, Example<T>(p, true));
    expect_stays_in_scratch(context, [&] { run.forward(true); });
    expect_stays_in_scratch(context, [&] { run.backward_data(); });
    expect_stays_in_scratch(context, [&] { run.backward_weights(); });
  }
}
TEST(Conv2dOnTheCpu, StaysInItsScratch) {
  Context context = Context::cpu(1);  // so that behind a thread's scratch is the end of all
  expect_all_stay_in_scratch<float>(context);
}
TEST(Conv2dOnTheCpu, StaysInItsScratchInBf16) {
  Context context = Context::cpu(1);
  CRC_SKIP_WITHOUT_BF16(context);
  expect_all_stay_in_scratch<bf16>(context);
}

template <class T> void expect_same_for_any_threads() {
  const ConvProblem few{96, 16, 16, 2, 4, 1, 2, 0};  // three slices, with little scratch each
  for (const ConvProblem& p : {kProblems[8], kProblems[9], few}) {
    SCOPED_TRACE(to_string(p));
    const Example<T> e(p, false);
    Context one = Context::cpu(1), three = Context::cpu(3);
    Conv<T> alone(one, e), together(three, e);
    alone.all(), together.all();
    expect_same(alone, together);
  }
}
TEST(Conv2dOnTheCpu, GivesTheSameBitsForAnyNumberOfThreads) { expect_same_for_any_threads<float>(); }
TEST(Conv2dOnTheCpu, GivesTheSameBitsForAnyNumberOfThreadsInBf16) {
  CRC_SKIP_WITHOUT_BF16(Context::cpu(1));
  expect_same_for_any_threads<bf16>();
}

}  // namespace
}  // namespace crc::test
