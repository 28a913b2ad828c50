#include "kernels/ops/target_ce.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/ops/rows.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class TargetCe : public OnDevice {
 protected:
  StateOnDevice ramped{context, {.step = 0, .learning_rate = 0, .ema_decay = 0, .consistency_weight = 0.75f}};
};

const int64_t kTargetShapes[][2] = {{0, 10}, {1, 2}, {7, 10}, {33, 33}, {131, 31}, {17, 100}};

TEST_P(TargetCe, LabelsWithWeights) {
  for (const auto& [n, classes] : kTargetShapes) {
    const auto x = uniform(n * classes, 1, -3, 3), weights = uniform(n, 2, 0, 1), old = uniform(n * classes, 3),
               old_losses = uniform(n, 4);
    std::vector<int32_t> y;
    for (int64_t i = 0; i < n; ++i) y.push_back(int32_t(i * 7 % classes));
    Guarded<float, 2> logits(context, {n, classes}, x);
    const Guarded<float, 1> weight(context, {n}, weights);
    const Guarded<int32_t, 1> labels(context, {n}, y);
    for (const bool rest : {false, true})
      for (const bool adds : {false, true}) {
        Guarded<float, 2> dx(context, {n, classes}, old, "dx");
        Guarded<float, 1> losses(context, {n}, old_losses, "losses");
        label_ce(context, dx.view(), losses.view(), logits.view(), labels.view(), weight.view(), ramped.view(),
                 TargetCeConfig{.scale = 0.125f, .rest = rest, .adds = adds});
        std::vector<double> el, ed;
        for (int64_t i = 0; i < n; ++i) {
          const double keep = rest ? 1 - double(weights[size_t(i)]) : double(weights[size_t(i)]);
          const auto loss = [&](const Row& row) { return keep * cross_entropy_of(row, y[size_t(i)]); };
          el.push_back(loss(row_of(x, i, classes)) + (adds ? double(old_losses[size_t(i)]) : 0));
          append_gradient(ed, loss, row_of(x, i, classes), 0.125 * 0.75);
        }
        for (size_t i = 0; adds && i < ed.size(); ++i) ed[i] += old[i];
        expect_close(losses.get(), el, Class::point, Dtype::f32, "losses");
        expect_close(dx.get(), ed, Class::point, Dtype::f32, "gradient");
      }
    Guarded<float, 2> dx(context, {n, classes}, old, "dx");
    Guarded<float, 1> losses(context, {n}, old_losses, "losses");
    const TargetCeConfig config{.scale = 0.125f};
    label_ce(context, dx.view(), losses.view(), logits.view(), labels.view(), weight.view(), ramped.view(), config);
    label_ce(context, logits.view(), losses.view(), logits.view(), labels.view(), weight.view(), ramped.view(), config);
    EXPECT_EQ(logits.get(), dx.get()) << "in place";
  }
}

TEST_P(TargetCe, DistributionsWithTemperatureAndDivergence) {
  for (const auto& [n, classes] : kTargetShapes) {
    const auto x = uniform(n * classes, 5, -3, 3), weights = uniform(n, 6, 0, 1),
               other = uniform(n * classes, 7, -3, 3);
    std::vector<float> t;
    for (int64_t i = 0; i < n; ++i)
      for (const double p : softmax_of(row_of(other, i, classes))) t.push_back(float(p));
    for (int64_t c = 0; n > 2 && c < classes; ++c) t[size_t(2 * classes + c)] = c == 1 ? 1.0f : 0.0f;  // one-hot
    const Guarded<float, 2> logits(context, {n, classes}, x), target(context, {n, classes}, t);
    const Guarded<float, 1> weight(context, {n}, weights);
    for (const bool divergence : {false, true}) {
      const double heat = divergence ? 0.5 : 1;
      Guarded<float, 2> dx(context, {n, classes}, uniform(n * classes, 8), "dx");
      Guarded<float, 1> losses(context, {n}, uniform(n, 9), "losses");
      target_ce(context, dx.view(), losses.view(), logits.view(), target.view(), weight.view(), ramped.view(),
                TargetCeConfig{.scale = 0.125f, .temperature = float(heat), .divergence = divergence});
      std::vector<double> el, ed;
      for (int64_t i = 0; i < n; ++i) {
        const auto loss = [&](const Row& row) {
          const Row p = softmax_of(row, heat);
          double sum = 0;
          for (int64_t c = 0; c < classes; ++c) {
            const double q = t[size_t(i * classes + c)];
            if (q > 0) sum += q * ((divergence ? std::log(q) : 0) - std::log(p[size_t(c)]));
          }
          return weights[size_t(i)] * sum;
        };
        el.push_back(loss(row_of(x, i, classes)));
        append_gradient(ed, loss, row_of(x, i, classes), 0.125 * 0.75);
      }
      expect_close(losses.get(), el, Class::reduce, Dtype::f32, "losses");
      expect_close(dx.get(), ed, Class::reduce, Dtype::f32, "gradient");
    }
  }
}

CRC_ON_EACH_DEVICE(TargetCe);

}  // namespace
}  // namespace crc::test
