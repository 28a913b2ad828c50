#include "kernels/ops/ema.h"

#include <algorithm>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class Ema : public OnDevice {};

TEST_P(Ema, EqualsTheEquation) {
  for (const float decay : {0.0f, 0.9f, 0.999f, 1.0f}) {
    for (int64_t n : {0, 1, 7, 4096, 4097}) {
      const auto e0 = uniform(n, 1), w0 = uniform(n, 2);
      const StateOnDevice state(context, {.step = 5, .learning_rate = 1, .ema_decay = decay, .consistency_weight = 1});
      Guarded<float, 1> ema(context, {n}, e0, "ema");
      const Guarded<float, 1> w(context, {n}, w0, "w");
      ema_update(context, ema.view(), View<bf16, 1>{}, w.view(), state.view());
      std::vector<double> expected(n);
      for (int64_t i = 0; i < n; ++i) expected[i] = double(decay) * e0[i] + (1 - double(decay)) * w0[i];
      const Class c = decay == 0 || decay == 1 ? Class::exact : Class::point;
      expect_close(ema.get(), expected, c, Dtype::f32, "ema");
    }
  }
}

// Each average is what ema_update makes of it alone, the first one among them.
TEST_P(Ema, SeveralInOnePassAreEachAlone) {
  for (const int64_t count : {0, 1, 3, 8})
    for (const int64_t n : {0, 1, 7, 4097})
      for (const float cap : {1.0f, 0.5f}) {
        const float decay = std::min(0.95f, cap);
        EmaDecays decays;
        for (int64_t k = 0; k < count; ++k) decays.decay[k] = 1 - 0.3f / float(1 + k);
        const auto e0 = uniform(n, 1), w0 = uniform(n, 2), m0 = uniform(count * n, 3);
        const auto with = [&](float d) { return StateOnDevice(context, {.ema_decay = d, .ema_cap = cap}); };
        Guarded<float, 1> ema(context, {n}, e0, "ema"), alone(context, {n}, e0);
        Guarded<float, 2> more(context, {count, n}, m0, "more");
        const Guarded<float, 1> w(context, {n}, w0, "w");
        ema_updates(context, ema.view(), View<bf16, 1>{}, more.view(), w.view(), with(decay).view(), decays);
        ema_update(context, alone.view(), View<bf16, 1>{}, w.view(), with(decay).view());
        EXPECT_EQ(ema.get(), alone.get());
        const auto all = more.get();
        for (int64_t k = 0; k < count; ++k) {
          Guarded<float, 1> one(context, {n}, {m0.begin() + k * n, m0.begin() + (k + 1) * n});
          ema_update(context, one.view(), View<bf16, 1>{}, w.view(), with(std::min(decays.decay[k], cap)).view());
          EXPECT_EQ(one.get(), std::vector<float>(all.begin() + k * n, all.begin() + (k + 1) * n)) << k;
        }
      }
}

TEST_P(Ema, RoundsTheNewAverageBesides) {
  const StateOnDevice state(context, {.ema_decay = 0.9f});
  for (const int64_t n : {1, 7, 4097}) {
    const auto e0 = uniform(n, 1);
    Guarded<float, 1> one(context, {n}, e0), first(context, {n}, e0), alone(context, {n}, e0);
    Guarded<float, 2> more(context, {2, n}, uniform(2 * n, 3));
    const Guarded<float, 1> w(context, {n}, uniform(n, 2), "w");
    Guarded<bf16, 1> rounded(context, {n}, cast<bf16>(e0)), also(context, {n}, cast<bf16>(e0));
    ema_update(context, alone.view(), View<bf16, 1>{}, w.view(), state.view());
    ema_update(context, one.view(), rounded.view(), w.view(), state.view());
    ema_updates(context, first.view(), also.view(), more.view(), w.view(), state.view(), EmaDecays{});
    EXPECT_EQ(one.get(), alone.get());
    EXPECT_EQ(first.get(), alone.get());
    expect_rounded(rounded.get(), one.get());
    expect_rounded(also.get(), first.get());
  }
}

TEST_P(Ema, HasRoomForEight) {
  const StateOnDevice state(context, {});
  Guarded<float, 1> ema(context, {1}, {1}), w(context, {1}, {1});
  Guarded<float, 2> more(context, {9, 1}, uniform(9, 1));
  EXPECT_THROW(ema_updates(context, ema.view(), View<bf16, 1>{}, more.view(), w.view(), state.view(), EmaDecays{}),
               Error);
}

TEST_P(Ema, RefusesWrongShapes) {
  const StateOnDevice state(context, {});
  Guarded<float, 1> ema(context, {2}, {1, 2}, "ema"), w(context, {3}, {1, 2, 3}, "w");
  try {
    ema_update(context, ema.view(), View<bf16, 1>{}, w.view(), state.view());
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "ema_update: 'w' has shape [3], expected [2]");
  }
}

CRC_ON_EACH_DEVICE(Ema);

}  // namespace
}  // namespace crc::test
