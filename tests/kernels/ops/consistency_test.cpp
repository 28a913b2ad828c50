#include "kernels/ops/consistency.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/ops/rows.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class SoftmaxMse : public OnDevice {};

double mse_of(const Row& p, const Row& q) {
  double sum = 0;
  for (size_t c = 0; c < p.size(); ++c) sum += (p[c] - q[c]) * (p[c] - q[c]);
  return sum / double(p.size());
}

TEST_P(SoftmaxMse, EqualsTheEquation) {
  const int64_t shapes[][2] = {{0, 10}, {1, 1}, {1, 2}, {7, 10}, {33, 31}, {131, 33}, {17, 100}};
  const StateOnDevice state(context, {.step = 3, .learning_rate = 1, .ema_decay = 1, .consistency_weight = 8});
  const float scale = 0.01f;
  for (const auto& [n, classes] : shapes) {
    for (const bool masked : {false, true}) {
      const auto x = uniform(n * classes, 1, -4, 4), t = uniform(n * classes, 2, -4, 4);
      std::vector<float> keep(n);
      for (int64_t i = 0; i < n; ++i) keep[i] = float(i % 3 != 1);
      Guarded<float, 2> dx(context, {n, classes}, uniform(n * classes, 3), "dlogits");
      Guarded<float, 2> logits(context, {n, classes}, x, "logits"), target(context, {n, classes}, t, "target");
      Guarded<float, 1> losses(context, {n}, uniform(n, 4), "losses"), mask(context, {n}, keep, "mask");
      const View<float, 1> given = masked ? mask.view() : View<float, 1>{};
      softmax_mse(context, dx.view(), losses.view(), logits.view(), target.view(), given, state.view(), scale);

      std::vector<double> el, ed;
      for (int64_t i = 0; i < n; ++i) {
        const Row q = softmax_of(row_of(t, i, classes));
        const double kept = masked ? keep[i] : 1;
        const auto loss = [&](const Row& row) { return kept * mse_of(softmax_of(row), q); };
        el.push_back(loss(row_of(x, i, classes)));
        append_gradient(ed, loss, row_of(x, i, classes), scale * 8.0);
      }
      expect_close(losses.get(), el, Class::reduce, Dtype::f32, "losses");
      expect_close(dx.get(), ed, Class::reduce, Dtype::f32, "dlogits");

      softmax_mse(context, logits.view(), losses.view(), logits.view(), target.view(), given, state.view(), scale);
      expect_close(logits.get(), dx.get(), Class::exact, Dtype::f32, "in place");
    }
  }
}

TEST_P(SoftmaxMse, EqualLogitsCostNothingAndLeftOutRowsMayBeBroken) {
  const StateOnDevice state(context, {.step = 0, .learning_rate = 1, .ema_decay = 1, .consistency_weight = 1});
  Guarded<float, 2> logits(context, {2, 3}, {NAN, 1, 2, 1, 2, 3}), target(context, {2, 3}, {1, 2, 3, 1, 2, 3});
  Guarded<float, 2> dx(context, {2, 3}, uniform(6, 1));
  Guarded<float, 1> losses(context, {2}, uniform(2, 1)), mask(context, {2}, {0, 1});
  softmax_mse(context, dx.view(), losses.view(), logits.view(), target.view(), mask.view(), state.view(), 1.0f);
  EXPECT_EQ(losses.get(), (std::vector<float>{0, 0}));
  EXPECT_EQ(dx.get(), (std::vector<float>(6, 0)));
}

TEST_P(SoftmaxMse, RefusesWrongShapes) {
  const StateOnDevice state(context, {});
  Guarded<float, 2> x(context, {2, 3}, uniform(6, 1), "logits"), target(context, {3, 2}, uniform(6, 1), "target");
  Guarded<float, 1> losses(context, {2}, uniform(2, 1), "losses");
  try {
    softmax_mse(context, x.view(), losses.view(), x.view(), target.view(), View<float, 1>{}, state.view(), 1.0f);
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "softmax_mse: 'target' has shape [3,2], expected [2,3]");
  }
}

CRC_ON_EACH_DEVICE(SoftmaxMse);

}  // namespace
}  // namespace crc::test
