#include "kernels/ops/batchnorm_act.h"

#include <algorithm>
#include <memory>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/ops/batchnorm_oracle.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

struct Shape {
  int64_t n, h, w, c;
  int64_t rows() const { return n * h * w; }
  int64_t size() const { return rows() * c; }
};

// A batch on a device beside the oracle that knows the same values.
template <class T> struct Problem {
  Problem(Context& on, Shape s, BatchNormConfig with, Mode in, float center = 0.3f)
      : context(on), shape(s), config(with), mode(in) {
    for (float& v : spread) v += center;
    x0 = cast<T>(spread);
    oracle = {s.rows(), s.c, with, in, doubles(x0), wide(gamma0), wide(beta0), wide(mean0), wide(var0)};
    view(x, x0, "x"), view(dy, dy0, "dy");
  }
  static Doubles wide(const std::vector<float>& v) { return {v.begin(), v.end()}; }
  static std::vector<float> floats(const std::vector<T>& v) {
    std::vector<float> out;
    for (T e : v) out.push_back(float(e));
    return out;
  }
  static Doubles doubles(const std::vector<T>& v) { return wide(floats(v)); }
  void view(std::unique_ptr<Guarded<T, 4>>& to, const std::vector<T>& values, const char* name) {
    const int64_t extents[] = {shape.n, shape.h, shape.w, shape.c};
    to = std::make_unique<Guarded<T, 4>>(context, extents, values, name);
  }

  void forward() {
    view(y, std::vector<T>(shape.size(), T(9.0f)), "y");
    batchnorm_act(context, y->view(), saved.view(), running_mean.view(), running_var.view(), x->view(), gamma.view(),
                  beta.view(), config, mode);
  }
  void backward(View<T, 4> dx, View<const T, 4> plus = {}) {
    batchnorm_act_backward(context, dx, dgamma.view(), dbeta.view(), dy->view(), x->view(), plus, saved.view(),
                           gamma.view(), beta.view(), config, mode);
  }

  Context& context;
  Shape shape;
  BatchNormConfig config;
  Mode mode;
  BatchNormOracle oracle;
  std::vector<float> spread = uniform(shape.size(), 1, -1.7f, 1.7f);
  std::vector<T> x0, dy0 = cast<T>(uniform(shape.size(), 2));
  std::vector<float> gamma0 = uniform(shape.c, 3, 0.5f, 1.5f), beta0 = uniform(shape.c, 4), mean0 = uniform(shape.c, 5),
                     var0 = uniform(shape.c, 6, 0.5f, 2.0f), sums0 = uniform(shape.c, 7);
  std::unique_ptr<Guarded<T, 4>> x, y, dy;
  Guarded<float, 2> saved{context, {2, shape.c}, std::vector<float>(2 * shape.c, 9.0f), "saved"};
  Guarded<float, 1> running_mean{context, {shape.c}, mean0, "running_mean"},
      running_var{context, {shape.c}, var0, "running_var"}, gamma{context, {shape.c}, gamma0, "gamma"},
      beta{context, {shape.c}, beta0, "beta"}, dgamma{context, {shape.c}, sums0, "dgamma"},
      dbeta{context, {shape.c}, sums0, "dbeta"};
};

const Shape kShapes[] = {{1, 1, 1, 1},   {2, 1, 1, 3},  {1, 1, 1, 16}, {3, 5, 7, 13},  {2, 3, 3, 16},   {5, 7, 11, 32},
                         {1, 2, 3, 130}, {2, 9, 9, 64}, {0, 4, 4, 8},  {3, 17, 41, 8}, {2, 31, 33, 20}, {1, 3, 3, 264}};
const BatchNormConfig kPlain{}, kEarly{.momentum = 0.1f, .eps = 1e-3f, .slope = 0.0f, .offset = 0.1f},
    kLinear{.momentum = 1.0f, .eps = 1e-5f, .slope = 1.0f, .offset = -0.5f};
constexpr Mode kModes[] = {Mode::train, Mode::train_frozen_stats, Mode::eval};

class BatchNormAct : public OnDevice {
 protected:
  template <class T> void expect_forward(Problem<T>& p) {
    p.forward();
    const auto expected = p.oracle.forward();
    expect_close(Problem<T>::floats(p.y->get()), expected.y, Class::reduce, DtypeOf<T>::value, "y");
    expect_close(p.saved.get(), expected.saved, Class::reduce, Dtype::f32, "saved");
    expect_close(p.running_mean.get(), expected.running_mean, Class::reduce, Dtype::f32, "running_mean");
    expect_close(p.running_var.get(), expected.running_var, Class::reduce, Dtype::f32, "running_var");
    EXPECT_EQ(Problem<T>::floats(p.x->get()), Problem<T>::floats(p.x0));
  }
  template <class T> void expect_gradients(Problem<T>& p, const BatchNormOracle::Gradients& expected) {
    p.forward();
    Guarded<T, 4> dx(context, {p.shape.n, p.shape.h, p.shape.w, p.shape.c}, p.dy0, "dx");
    p.backward(dx.view());
    auto dx_actual = Problem<T>::floats(dx.get());
    auto dgamma = p.dgamma.get(), dbeta = p.dbeta.get();
    auto e = expected;
    const auto skip = p.oracle.at_kink();
    for (int64_t c = 0; c < p.shape.c; ++c) {
      e.dgamma[c] += p.sums0[c], e.dbeta[c] += p.sums0[c];
      if (!skip[c]) continue;
      e.dgamma[c] = dgamma[c], e.dbeta[c] = dbeta[c];
      for (int64_t i = c; i < p.shape.size(); i += p.shape.c) e.dx[i] = dx_actual[i];
    }
    EXPECT_LE(std::count(skip.begin(), skip.end(), true), p.shape.c / 4 + 1);
    expect_close(dx_actual, e.dx, Class::reduce, DtypeOf<T>::value, "dx");
    expect_close(dgamma, e.dgamma, Class::reduce, Dtype::f32, "dgamma");
    expect_close(dbeta, e.dbeta, Class::reduce, Dtype::f32, "dbeta");
  }
  template <class T> void everything() {
    for (Mode mode : kModes)
      for (const BatchNormConfig& config : {kPlain, kEarly, kLinear})
        for (const Shape& shape : kShapes) {
          SCOPED_TRACE(::testing::Message() << "mode " << int(mode) << " slope " << config.slope << " shape " << shape.n
                                            << "," << shape.h << "," << shape.w << "," << shape.c);
          Problem<T> forward(context, shape, config, mode);
          expect_forward(forward);
          Problem<T> both(context, shape, config, mode);
          expect_gradients(both, both.oracle.backward(Problem<T>::doubles(both.dy0)));
        }
  }
};

TEST_P(BatchNormAct, EqualsTheEquations) { everything<float>(); }

TEST_P(BatchNormAct, EqualsTheEquationsInBf16) { everything<bf16>(); }

TEST_P(BatchNormAct, GradientIsTheDifferenceQuotient) {
  for (Mode mode : kModes)
    for (const BatchNormConfig& config : {kPlain, kEarly, kLinear})
      for (const Shape& shape : {Shape{2, 3, 5, 3}, Shape{3, 1, 3, 8}}) {
        Problem<float> p(context, shape, config, mode);
        expect_gradients(p, p.oracle.differences(Doubles(p.dy0.begin(), p.dy0.end())));
      }
}

// fp32 sums of x and x^2 would leave nothing of the variance here, and an fp32 mean alone would shift y.
TEST_P(BatchNormAct, KeepsItsAccuracyFarFromZero) {
  for (const Shape& shape : {Shape{3, 17, 41, 8}, Shape{2, 9, 9, 64}, Shape{3, 5, 7, 13}})
    for (float center : {1000.0f, -30000.0f}) {
      Problem<float> p(context, shape, kPlain, Mode::train, center);
      p.config.momentum = p.oracle.config.momentum = 1.0f;  // the running variance shows the batch's
      expect_forward(p);
    }
}

TEST_P(BatchNormAct, SurvivesAnOutlierAsPivot) {
  Problem<float> p(context, {4, 9, 9, 8}, kPlain, Mode::train);
  for (int64_t c = 0; c < 8; ++c) p.x0[c] = 2.0f * float(c + 1);  // the first row, up to 16 times the others' scale
  p.oracle.x = Doubles(p.x0.begin(), p.x0.end());
  p.view(p.x, p.x0, "x");
  expect_forward(p);
}

// Whichever block is the last and finishes: with EMULATOR_ORDER=random:N it is another one each time.
template <class T> void gives_the_same_bits(Context& context) {
  for (const Shape& shape : {Shape{3, 17, 41, 8}, Shape{2, 31, 33, 20}, Shape{3, 21, 23, 136}, Shape{1, 40, 50, 67}}) {
    std::vector<std::vector<float>> first;
    for (int turn = 0; turn < 4; ++turn) {
      Problem<T> p(context, shape, kEarly, Mode::train);
      p.forward();
      Guarded<T, 4> dx(context, {shape.n, shape.h, shape.w, shape.c}, p.dy0, "dx");
      p.backward(dx.view());
      const std::vector<std::vector<float>> all{
          Problem<T>::floats(p.y->get()), p.saved.get(), p.running_var.get(), p.dgamma.get(), p.dbeta.get(),
          Problem<T>::floats(dx.get())};
      if (turn == 0) first = all;
      EXPECT_EQ(all, first) << "turn " << turn;
    }
  }
}
TEST_P(BatchNormAct, GivesTheSameBitsEveryTime) {
  gives_the_same_bits<float>(context);
  gives_the_same_bits<bf16>(context);
}

TEST_P(BatchNormAct, StatsAreThoseOfTheWholeOp) {
  for (Mode mode : kModes) {
    Problem<float> whole(context, {3, 5, 7, 13}, kEarly, mode), stats(context, {3, 5, 7, 13}, kEarly, mode);
    whole.forward();
    batchnorm_stats(context, stats.saved.view(), stats.running_mean.view(), stats.running_var.view(), stats.x->view(),
                    kEarly, mode);
    EXPECT_EQ(stats.saved.get(), whole.saved.get());
    EXPECT_EQ(stats.running_mean.get(), whole.running_mean.get());
    EXPECT_EQ(stats.running_var.get(), whole.running_var.get());
  }
}

TEST_P(BatchNormAct, WorksInPlace) {
  Problem<float> apart(context, {3, 5, 7, 16}, kPlain, Mode::eval), inside(context, {3, 5, 7, 16}, kPlain, Mode::eval);
  apart.forward();
  batchnorm_act(context, inside.x->view(), inside.saved.view(), inside.running_mean.view(), inside.running_var.view(),
                inside.x->view(), inside.gamma.view(), inside.beta.view(), kPlain, Mode::eval);
  EXPECT_EQ(inside.x->get(), apart.y->get());

  for (Mode mode : kModes) {
    Problem<float> p(context, {3, 5, 7, 13}, kPlain, mode);
    p.forward();
    Guarded<float, 4> dx(context, {3, 5, 7, 13}, p.dy0, "dx");
    p.backward(dx.view());
    p.backward(p.dy->view());
    EXPECT_EQ(p.dy->get(), dx.get());
  }
}

// dx with another path's gradient, in place of dy, and without.
template <class T> void adds_to_dx(Context& context) {
  for (const Mode mode : kModes)
    for (const Shape& shape : kShapes) {
      Problem<T> p(context, shape, kEarly, mode);
      const int64_t extents[] = {shape.n, shape.h, shape.w, shape.c};
      const Guarded<T, 4> plus(context, extents, cast<T>(uniform(shape.size(), 8)), "plus");
      Guarded<T, 4> dx(context, extents, p.dy0, "dx");
      p.forward();
      p.backward(dx.view());
      p.backward(p.dy->view(), plus);
      const auto apart = Problem<T>::floats(dx.get()), added = Problem<T>::floats(plus.get());
      std::vector<float> expected;
      for (size_t i = 0; i < apart.size(); ++i) expected.push_back(apart[i] + added[i]);
      const auto together = Problem<T>::floats(p.dy->get());
      if (std::is_same_v<T, float>)
        EXPECT_EQ(together, expected);
      else
        expect_close(together, expected, Class::point, Dtype::bf16, "dx + plus");  // one rounding less
    }
}
TEST_P(BatchNormAct, AddsAnotherPathOfTheGradient) {
  adds_to_dx<float>(context);
  adds_to_dx<bf16>(context);
}

// x += plus and the norm in one op: the bits of the two ops, in every mode and shape.
template <class T> void joins_a_residual_path(Context& context) {
  for (const Mode mode : kModes)
    for (const BatchNormConfig& config : {kPlain, kEarly})
      for (const Shape& shape : kShapes) {
        Problem<T> apart(context, shape, config, mode), together(context, shape, config, mode);
        const int64_t extents[] = {shape.n, shape.h, shape.w, shape.c};
        const Guarded<T, 4> plus(context, extents, cast<T>(uniform(shape.size(), 8, -3.0f, 3.0f)), "plus");
        add(context, apart.x->view().flat(), apart.x->view().flat(), plus.view().flat());
        apart.forward();
        together.view(together.y, std::vector<T>(shape.size(), T(9.0f)), "y");
        add_batchnorm_act(context, together.y->view(), together.saved.view(), together.running_mean.view(),
                          together.running_var.view(), together.x->view(), plus.view(), together.gamma.view(),
                          together.beta.view(), config, mode);
        SCOPED_TRACE(::testing::Message() << "mode " << int(mode) << " shape " << shape.n << "," << shape.h << ","
                                          << shape.w << "," << shape.c);
        EXPECT_EQ(Problem<T>::floats(together.x->get()), Problem<T>::floats(apart.x->get()));
        EXPECT_EQ(Problem<T>::floats(together.y->get()), Problem<T>::floats(apart.y->get()));
        EXPECT_EQ(together.saved.get(), apart.saved.get());
        EXPECT_EQ(together.running_mean.get(), apart.running_mean.get());
        EXPECT_EQ(together.running_var.get(), apart.running_var.get());
      }
}
TEST_P(BatchNormAct, JoinsAResidualPath) {
  joins_a_residual_path<float>(context);
  joins_a_residual_path<bf16>(context);
}

template <class T> std::vector<std::vector<float>> results(Context& context, Shape shape) {
  Problem<T> p(context, shape, kPlain, Mode::train);
  p.forward();
  Guarded<T, 4> dx(context, {shape.n, shape.h, shape.w, shape.c}, p.dy0, "dx");
  p.backward(dx.view());
  return {p.floats(p.y->get()), p.saved.get(),  p.running_mean.get(), p.running_var.get(),
          p.floats(dx.get()),   p.dgamma.get(), p.dbeta.get()};
}

TEST_P(BatchNormAct, GivesTheSameBitsTwice) {
  for (const Shape& shape : {Shape{5, 7, 11, 32}, Shape{3, 17, 41, 13}}) {
    EXPECT_EQ(results<float>(context, shape), results<float>(context, shape));
    EXPECT_EQ(results<bf16>(context, shape), results<bf16>(context, shape));
  }
}

TEST(BatchNormActThreads, DoNotChangeTheBits) {
  Context one = Context::cpu(1);
  for (int threads : {2, 3, 5}) {
    Context several = Context::cpu(threads);
    for (const Shape& shape : {Shape{9, 17, 41, 13}, Shape{8, 16, 16, 64}}) {
      EXPECT_EQ(results<float>(one, shape), results<float>(several, shape)) << threads << " threads";
      EXPECT_EQ(results<bf16>(one, shape), results<bf16>(several, shape)) << threads << " threads";
    }
  }
}

TEST_P(BatchNormAct, NamesTheViewOfTheWrongShape) {
  Problem<float> p(context, {2, 3, 3, 4}, kPlain, Mode::train), other(context, {2, 3, 3, 5}, kPlain, Mode::train);
  p.forward();
  try {
    batchnorm_act(context, p.y->view(), other.saved.view(), p.running_mean.view(), p.running_var.view(), p.x->view(),
                  p.gamma.view(), p.beta.view(), kPlain, Mode::train);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::internal);
    EXPECT_STREQ(e.what(), "batchnorm_act: 'saved' has shape [2,5], expected [2,4]");
  }
  EXPECT_THROW(p.backward(other.x->view()), Error);
}

CRC_ON_EACH_DEVICE(BatchNormAct);

}  // namespace
}  // namespace crc::test
