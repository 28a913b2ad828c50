#include "kernels/ops/ema.h"

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
      ema_update(context, ema.view(), w.view(), state.view());
      std::vector<double> expected(n);
      for (int64_t i = 0; i < n; ++i) expected[i] = double(decay) * e0[i] + (1 - double(decay)) * w0[i];
      const Class c = decay == 0 || decay == 1 ? Class::exact : Class::point;
      expect_close(ema.get(), expected, c, Dtype::f32, "ema");
    }
  }
}

TEST_P(Ema, RefusesWrongShapes) {
  const StateOnDevice state(context, {});
  Guarded<float, 1> ema(context, {2}, {1, 2}, "ema"), w(context, {3}, {1, 2, 3}, "w");
  try {
    ema_update(context, ema.view(), w.view(), state.view());
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "ema_update: 'w' has shape [3], expected [2]");
  }
}

CRC_ON_EACH_DEVICE(Ema);

}  // namespace
}  // namespace crc::test
