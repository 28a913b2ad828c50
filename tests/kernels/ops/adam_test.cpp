#include "kernels/ops/adam.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class Adam : public OnDevice {};

TEST_P(Adam, EqualsTheEquation) {
  for (int64_t step : {0ll, 1ll, 999ll, 1ll << 40}) {
    for (int64_t n : {0, 1, 7, 4096, 4097}) {
      const AdamConfig config{.weight_decay = 0.01f, .decayed = n / 2};
      const auto w0 = uniform(n, 1), m0 = uniform(n, 2), v0 = uniform(n, 3, 0.1f, 1), g = uniform(n, 4);
      const StateOnDevice state(context,
                                {.step = step, .learning_rate = 0.003f, .ema_decay = 0, .consistency_weight = 0});
      Guarded<float, 1> w(context, {n}, w0, "w"), m(context, {n}, m0, "m"), v(context, {n}, v0, "v");
      const Guarded<float, 1> grad(context, {n}, g, "g");
      adam_step(context, w.view(), View<bf16, 1>{}, m.view(), v.view(), grad.view(), state.view(), config);

      std::vector<double> ew(n), em(n), ev(n);
      const double t = double(step) + 1;
      for (int64_t i = 0; i < n; ++i) {
        const double gradient = g[i] + (i < n / 2 ? double(config.weight_decay) * w0[i] : 0.0);
        em[i] = 0.9 * m0[i] + 0.1 * gradient;
        ev[i] = 0.999 * v0[i] + 0.001 * gradient * gradient;
        const double mean = em[i] / (1 - std::pow(0.9, t)), square = ev[i] / (1 - std::pow(0.999, t));
        ew[i] = w0[i] - double(0.003f) * mean / (std::sqrt(square) + 1e-8);
      }
      expect_close(w.get(), ew, Class::point, Dtype::f32, "w");
      expect_close(m.get(), em, Class::point, Dtype::f32, "m");
      expect_close(v.get(), ev, Class::point, Dtype::f32, "v");
    }
  }
}

// The first step from zero moments moves every weight by lr * sign(g), whatever the size of g: the bias corrections and
// 1 - beta must belong to the same beta.
TEST_P(Adam, TheFirstStepHasTheLengthOfTheRate) {
  const StateOnDevice state(context, {.step = 0, .learning_rate = 0.5f, .ema_decay = 0, .consistency_weight = 0});
  Guarded<float, 1> w(context, {4}, {0, 0, 0, 0}), m(context, {4}, {0, 0, 0, 0}), v(context, {4}, {0, 0, 0, 0});
  const Guarded<float, 1> g(context, {4}, {1e-3f, -1, 1e3f, 0});
  adam_step(context, w.view(), View<bf16, 1>{}, m.view(), v.view(), g.view(), state.view(),
            AdamConfig{.eps = 0x1p-100f});
  expect_close(w.get(), std::vector<double>{-0.5, 0.5, -0.5, 0}, Class::point, Dtype::f32, "w");
}

TEST_P(Adam, RoundsTheNewWeightsBesides) {
  const StateOnDevice state(context, {.step = 5, .learning_rate = 0.03f, .ema_decay = 0, .consistency_weight = 0});
  for (const int64_t n : {1, 7, 4097}) {
    const auto w0 = uniform(n, 1), m0 = uniform(n, 2), v0 = uniform(n, 4, 0, 1);
    Guarded<float, 1> w(context, {n}, w0, "w"), m(context, {n}, m0, "m"), v(context, {n}, v0, "v"),
        alone(context, {n}, w0), m2(context, {n}, m0), v2(context, {n}, v0);
    const Guarded<float, 1> grad(context, {n}, uniform(n, 3), "g");
    Guarded<bf16, 1> rounded(context, {n}, cast<bf16>(w0), "rounded");
    adam_step(context, alone.view(), View<bf16, 1>{}, m2.view(), v2.view(), grad.view(), state.view(), AdamConfig{});
    adam_step(context, w.view(), rounded.view(), m.view(), v.view(), grad.view(), state.view(), AdamConfig{});
    EXPECT_EQ(w.get(), alone.get());
    EXPECT_EQ(v.get(), v2.get());
    expect_rounded(rounded.get(), w.get());
  }
}

TEST_P(Adam, RefusesWrongShapes) {
  const StateOnDevice state(context, {});
  Guarded<float, 1> a(context, {2}, {1, 2}, "a"), v(context, {3}, {1, 2, 3}, "v");
  try {
    adam_step(context, a.view(), View<bf16, 1>{}, a.view(), v.view(), a.view(), state.view(), AdamConfig{});
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "adam_step: 'v' has shape [3], expected [2]");
  }
}

CRC_ON_EACH_DEVICE(Adam);

}  // namespace
}  // namespace crc::test
