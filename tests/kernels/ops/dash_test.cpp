#include "kernels/ops/dash.h"

#include <algorithm>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/ops/rows.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class Dash : public OnDevice {};

TEST_P(Dash, TheThresholdFallsAndTargetsHarden) {
  const DashConfig config{
      .warmup = 4, .period = 3, .factor = 1.0001f, .gamma = 1.5f, .least = 0.4f, .temperature = 0.5f};
  for (const auto& [n, classes] : {std::pair<int64_t, int64_t>{1, 2}, {7, 10}, {65, 33}}) {
    const auto x = uniform(n * classes, 1, -3, 3);
    const Guarded<float, 2> weak(context, {n, classes}, x);
    const Guarded<float, 1> rho(context, {1}, {1.2f});
    for (const int64_t step : {0, 3, 4, 8, 13, 40}) {
      Guarded<float, 1> weight(context, {n}, uniform(n, 2)), level(context, {1}, {9});
      Guarded<float, 2> target(context, {n, classes}, uniform(n * classes, 3));
      dash_targets(context, weight.view(), target.view(), level.view(), weak.view(), rho.view(),
                   StateOnDevice(context, at_step(step)).view(), config);
      const double falls = step < 4 ? 0 : double((step - 4) / 3);
      const double most = std::max(double(0.4f), double(1.0001f) * std::pow(1.5, -falls) * double(1.2f));
      const bool hard = most <= double(0.4f);
      std::vector<double> targets;
      std::vector<float> weights;
      for (int64_t i = 0; i < n; ++i) {
        const Row p = softmax_of(row_of(x, i, classes)), q = softmax_of(row_of(x, i, classes), 0.5);
        const int64_t label = std::max_element(p.begin(), p.end()) - p.begin();
        double loss = 0;
        for (int64_t c = 0; c < classes; ++c) {
          targets.push_back(hard ? double(c == label) : q[size_t(c)]);
          loss -= targets.back() * std::log(p[size_t(c)]);
        }
        weights.push_back(step >= 4 && loss <= most);
      }
      expect_close(level.get(), std::vector<double>{most}, Class::point, Dtype::f32, "threshold");
      expect_close(target.get(), targets, Class::reduce, Dtype::f32, "targets");
      EXPECT_EQ(weight.get(), weights) << "step " << step;
    }
  }
}

CRC_ON_EACH_DEVICE(Dash);

}  // namespace
}  // namespace crc::test
