#include "kernels/ops/sgd.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class Sgd : public OnDevice {};

TEST_P(Sgd, EqualsTheEquation) {
  for (int64_t n : {0, 1, 7, 4096, 4097}) {
    const SgdConfig config{.momentum = 0.9f, .weight_decay = 0.01f, .decayed = n / 2};
    const auto w0 = uniform(n, 1), m0 = uniform(n, 2), g = uniform(n, 3);
    const StateOnDevice state(context, {.step = 5, .learning_rate = 0.03f, .ema_decay = 0, .consistency_weight = 0});
    Guarded<float, 1> w(context, {n}, w0, "w"), m(context, {n}, m0, "m"), grad(context, {n}, g, "g");
    sgd_step(context, w.view(), View<bf16, 1>{}, m.view(), grad.view(), state.view(), config);

    std::vector<double> ew(n), em(n);
    for (int64_t i = 0; i < n; ++i) {
      const double gradient = g[i] + (i < n / 2 ? 0.01 * w0[i] : 0.0);
      em[i] = 0.9 * m0[i] + gradient;
      ew[i] = w0[i] - 0.03 * (gradient + 0.9 * em[i]);
    }
    expect_close(w.get(), ew, Class::point, Dtype::f32, "w");
    expect_close(m.get(), em, Class::point, Dtype::f32, "m");
  }
}

// The same weights, and beside them what bf16 makes of each.
TEST_P(Sgd, RoundsTheNewWeightsBesides) {
  const StateOnDevice state(context, {.step = 5, .learning_rate = 0.03f, .ema_decay = 0, .consistency_weight = 0});
  for (const int64_t n : {1, 7, 4097}) {
    const auto w0 = uniform(n, 1), m0 = uniform(n, 2), g = uniform(n, 3);
    Guarded<float, 1> w(context, {n}, w0, "w"), m(context, {n}, m0, "m"), alone(context, {n}, w0), m2(context, {n}, m0);
    const Guarded<float, 1> grad(context, {n}, g, "g");
    Guarded<bf16, 1> rounded(context, {n}, cast<bf16>(g), "rounded");
    sgd_step(context, alone.view(), View<bf16, 1>{}, m2.view(), grad.view(), state.view(), SgdConfig{.decayed = n});
    sgd_step(context, w.view(), rounded.view(), m.view(), grad.view(), state.view(), SgdConfig{.decayed = n});
    EXPECT_EQ(w.get(), alone.get());
    EXPECT_EQ(m.get(), m2.get());
    expect_rounded(rounded.get(), w.get());
  }
}

CRC_ON_EACH_DEVICE(Sgd);

}  // namespace
}  // namespace crc::test
