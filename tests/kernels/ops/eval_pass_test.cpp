#include "kernels/ops/eval_pass.h"

#include <cmath>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

constexpr BatchNormConfig kNorm{.eps = 1e-3f, .slope = 0.25f, .offset = 0.1f};

// Inputs of a normalisation in both precisions, and the equation in double.
struct Case {
  int64_t samples, repeats, positions, channels;
  std::vector<float> x, dy, mean, var, gamma, beta;

  Case(int64_t n, int64_t r, int64_t s, int64_t c)
      : samples(n),
        repeats(r),
        positions(s),
        channels(c),
        x(uniform(n * s * c, 1)),
        dy(uniform(n * r * s * c, 2)),
        mean(uniform(c, 3)),
        var(uniform(c, 4, 0.1f, 2)),
        gamma(uniform(c, 5)),
        beta(uniform(c, 6)) {}
  double inv_std(int64_t c) const { return 1 / std::sqrt(double(var[c]) + double(kNorm.eps)); }
  double hat(int64_t i) const { return (double(x[i]) - mean[i % channels]) * inv_std(i % channels); }
  double z(int64_t i) const { return gamma[i % channels] * hat(i) + double(beta[i % channels]) + double(kNorm.offset); }
  // Of the cotangents' element i: the element of x it belongs to, and the gradient of z.
  int64_t source(int64_t i) const {
    const int64_t size = positions * channels;
    return i / size / repeats * size + i % size;
  }
  double g(int64_t i) const { return dy[i] * (z(source(i)) > 0 ? 1 : double(kNorm.slope)); }
};

template <class T> struct Loaded {
  Guarded<T, 3> x, dy;
  Guarded<T, 2> constants;
  Loaded(Context& context, const Case& s)
      : x(context, {s.samples, s.positions, s.channels}, cast<T>(s.x), "x"),
        dy(context, {s.samples * s.repeats, s.positions, s.channels}, cast<T>(s.dy), "dy"),
        constants(context, {4, s.channels}, std::vector<T>(4 * s.channels), "constants") {
    const auto load = [&](const std::vector<float>& v) { return Guarded<float, 1>(context, {s.channels}, v, "v"); };
    const auto mean = load(s.mean), var = load(s.var), gamma = load(s.gamma), beta = load(s.beta);
    norm_constants(context, constants.view(), mean, var, gamma, beta, kNorm);
  }
};

class EvalPass : public OnDevice {
 protected:
  template <class T> void norm() {
    for (const Case& s : {Case(0, 2, 3, 4), Case(1, 1, 1, 1), Case(3, 4, 5, 7), Case(2, 10, 33, 17)}) {
      const Loaded<T> in(context, s);
      const View<const T, 3> x(in.x), dy(in.dy);
      const View<const T, 2> constants(in.constants);
      const int64_t size = int64_t(s.x.size()), cotangents = int64_t(s.dy.size()), rows = s.samples * s.repeats;
      Guarded<T, 3> y(context, {s.samples, s.positions, s.channels}, std::vector<T>(size, T(3)), "y");
      Guarded<T, 3> dx(context, {rows, s.positions, s.channels}, std::vector<T>(cotangents, T(3)), "dx");
      Guarded<T, 2> dgamma(context, {rows, s.channels}, std::vector<T>(rows * s.channels, T(3)), "dgamma"),
          dbeta(context, {rows, s.channels}, std::vector<T>(rows * s.channels, T(3)), "dbeta");
      norm_act(context, y.view(), x, constants, kNorm.slope);
      norm_act_params(context, dgamma.view(), dbeta.view(), dy, x, constants, kNorm.slope);
      norm_act_backward(context, dx.view(), dy, x, constants, kNorm.slope);
      std::vector<double> out, back, scale(rows * s.channels), shift(rows * s.channels);
      for (int64_t i = 0; i < size; ++i) out.push_back(s.z(i) > 0 ? s.z(i) : double(kNorm.slope) * s.z(i));
      for (int64_t i = 0; i < cotangents; ++i) {
        const int64_t c = i % s.channels, row = i / s.channels / s.positions;
        back.push_back(s.g(i) * s.gamma[c] * s.inv_std(c));
        scale[row * s.channels + c] += s.g(i) * s.hat(s.source(i));
        shift[row * s.channels + c] += s.g(i);
      }
      const Dtype dtype = DtypeOf<T>::value;
      expect_close(y.get(), out, Class::point, dtype, "y");
      expect_close(dx.get(), back, Class::point, dtype, "dx");
      expect_close(dgamma.get(), scale, Class::reduce, dtype, "dgamma");
      expect_close(dbeta.get(), shift, Class::reduce, dtype, "dbeta");
      Guarded<T, 3> in_place(context, {rows, s.positions, s.channels}, cast<T>(s.dy), "dy");
      norm_act_backward(context, in_place.view(), in_place, x, constants, kNorm.slope);
      EXPECT_EQ(in_place.get(), dx.get());
    }
  }
  template <class T> void positions() {
    for (const Case& s : {Case(0, 1, 3, 4), Case(2, 1, 1, 1), Case(3, 1, 65, 7)}) {
      const Guarded<T, 3> x(context, {s.samples, s.positions, s.channels}, cast<T>(s.x), "x");
      const int64_t rows = s.samples * s.channels;
      Guarded<T, 2> y(context, {s.samples, s.channels}, std::vector<T>(rows, T(3)), "y");
      position_sum(context, y.view(), x, 0.25);
      std::vector<double> expected(rows);
      for (size_t i = 0; i < s.x.size(); ++i)
        expected[int64_t(i) / s.channels / s.positions * s.channels + int64_t(i) % s.channels] += 0.25 * s.x[i];
      expect_close(y.get(), expected, Class::point, DtypeOf<T>::value, "sum");

      Guarded<T, 3> dx(context, {s.samples, s.positions, s.channels}, cast<T>(s.x), "dx");
      position_spread(context, dx.view(), y, 0.5);
      std::vector<T> spread;
      const auto sums = y.get();
      for (size_t i = 0; i < s.x.size(); ++i)
        spread.push_back(T(0.5) * sums[int64_t(i) / s.channels / s.positions * s.channels + int64_t(i) % s.channels]);
      EXPECT_EQ(dx.get(), spread);
    }
  }
  template <class T> void additions() {
    const auto a = uniform(15, 1), b = uniform(15, 2);
    Guarded<T, 2> y(context, {3, 5}, cast<T>(a), "y");
    const Guarded<T, 1> bias(context, {5}, cast<T>({b.begin(), b.begin() + 5}), "bias"),
        all(context, {15}, cast<T>(b), "x");
    const Guarded<float, 1> narrow(context, {15}, a, "narrow");
    add_bias(context, y.view(), bias);
    Guarded<T, 1> sum(context, {15}, cast<T>(a), "sum"), wide(context, {15}, std::vector<T>(15), "wide");
    accumulate(context, sum.view(), all);
    convert(context, wide.view(), narrow);
    EXPECT_EQ(wide.get(), cast<T>(a));
    const auto biased = y.get(), total = sum.get();
    for (int i = 0; i < 15; ++i) {
      EXPECT_EQ(biased[i], T(a[i]) + T(b[i % 5]));
      EXPECT_EQ(total[i], T(a[i]) + T(b[i]));
    }
  }
};

TEST_P(EvalPass, NormFp32) { norm<float>(); }
TEST_P(EvalPass, NormFp64) { norm<double>(); }
TEST_P(EvalPass, PositionsFp32) { positions<float>(); }
TEST_P(EvalPass, PositionsFp64) { positions<double>(); }
TEST_P(EvalPass, AdditionsFp32) { additions<float>(); }
TEST_P(EvalPass, AdditionsFp64) { additions<double>(); }

TEST_P(EvalPass, WrongShapesAreErrors) {
  Guarded<float, 3> dy(context, {3, 2, 2}, uniform(12, 1), "dy");
  const Guarded<float, 3> x(context, {2, 2, 2}, uniform(8, 1), "x");
  const Guarded<float, 2> constants(context, {4, 2}, uniform(8, 1), "constants");
  EXPECT_THROW(norm_act_backward(context, dy.view(), dy, x, constants, 0.1f), Error);
}

CRC_ON_EACH_DEVICE(EvalPass);

}  // namespace
}  // namespace crc::test
