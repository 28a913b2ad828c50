#include "kernels/ops/advance_step.h"

#include <numbers>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class AdvanceStep : public OnDevice {
 protected:
  StepState read(const StateOnDevice& state) {
    StepState host;
    context.copy_out(&host, state.view());
    return host;
  }
};

void expect_state(const StepState& actual, int64_t step, double rate, double decay, double weight) {
  EXPECT_EQ(actual.step, step);
  expect_close(std::vector<float>{actual.learning_rate}, std::vector<double>{rate}, Class::point, Dtype::f32, "rate");
  expect_close(std::vector<float>{actual.ema_decay}, std::vector<double>{decay}, Class::point, Dtype::f32, "decay");
  expect_close(std::vector<float>{actual.consistency_weight}, std::vector<double>{weight}, Class::point, Dtype::f32,
               "consistency weight");
}

TEST_P(AdvanceStep, FixMatchsCosine) {
  const Schedule schedule{.base_rate = 0.03, .horizon = 1 << 20, .ema_decay = 0.999, .consistency_weight = 1};
  const StateOnDevice state(context, {});
  for (int64_t t : {0, 1, 2, 1023, 358400, 614400, (1 << 20) - 1, 1 << 20}) {
    set_step(context, state.view(), schedule, t);
    expect_state(read(state), t, 0.03 * std::cos(7 * std::numbers::pi * double(t) / (16.0 * (1 << 20))), 0.999, 1);
    advance_step(context, state.view(), schedule);
    expect_state(read(state), t + 1, 0.03 * std::cos(7 * std::numbers::pi * double(t + 1) / (16.0 * (1 << 20))), 0.999,
                 1);
  }
  set_step(context, state.view(), schedule, 2 << 20);
  EXPECT_EQ(read(state).learning_rate, 0) << "past its zero the cosine must not turn the descent round";
}

TEST_P(AdvanceStep, MeanTeachersStaircaseWarmupAndRamp) {
  const Schedule schedule{.rate = RateSchedule::staircase,
                          .base_rate = 4e-4,
                          .drop_at = 400000,
                          .drop = 0.2,
                          .ema_decay = 0.95,
                          .ema_warmup = true,
                          .consistency_weight = 8,
                          .ramp = 200000};
  const StateOnDevice state(context, {});
  const auto at = [&](int64_t t) { return set_step(context, state.view(), schedule, t), read(state); };
  expect_state(at(0), 0, 4e-4, 0.5, 8 * std::exp(-5 * std::pow(1 - 1 / 200000.0, 2)));
  expect_state(at(1), 1, 4e-4, 2 / 3.0, 8 * std::exp(-5 * std::pow(1 - 2 / 200000.0, 2)));
  expect_state(at(17), 17, 4e-4, 18 / 19.0, 8 * std::exp(-5 * std::pow(1 - 18 / 200000.0, 2)));
  expect_state(at(19), 19, 4e-4, 0.95, 8 * std::exp(-5 * std::pow(1 - 20 / 200000.0, 2)));
  expect_state(at(99999), 99999, 4e-4, 0.95, 8 * std::exp(-5 / 4.0));
  expect_state(at(199999), 199999, 4e-4, 0.95, 8);
  expect_state(at(200000), 200000, 4e-4, 0.95, 8);
  expect_state(at(399999), 399999, 4e-4, 0.95, 8);
  expect_state(at(400000), 400000, 8e-5, 0.95, 8);
  expect_state(schedule.at(400000), 400000, 8e-5, 0.95, 8);
}

TEST_P(AdvanceStep, StepsOneByOneAsSetAtOnce) {
  const Schedule schedule{.horizon = 50, .ema_warmup = true, .ramp = 20};
  const StateOnDevice walked(context, {}), set(context, {});
  set_step(context, walked.view(), schedule, 0);
  for (int t = 1; t <= 40; ++t) {
    advance_step(context, walked.view(), schedule);
    set_step(context, set.view(), schedule, t);
    const StepState a = read(walked), b = read(set);
    EXPECT_EQ(a.step, t);
    EXPECT_EQ(a.learning_rate, b.learning_rate);
    EXPECT_EQ(a.ema_decay, b.ema_decay);
    EXPECT_EQ(a.consistency_weight, b.consistency_weight);
  }
}

CRC_ON_EACH_DEVICE(AdvanceStep);

}  // namespace
}  // namespace crc::test
