#include "kernels/ops/running.h"

#include <algorithm>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class RunningStats : public OnDevice {
 protected:
  StateOnDevice at(int64_t step) { return StateOnDevice(context, at_step(step)); }
};

const int64_t kBatchShapes[][2] = {{1, 1}, {2, 10}, {31, 3}, {33, 100}, {448, 10}};

double mean_of(const std::vector<float>& x, int64_t c, int64_t classes) {
  double sum = 0;
  for (size_t i = size_t(c); i < x.size(); i += size_t(classes)) sum += x[i];
  return sum / (double(x.size()) / double(classes));
}

TEST_P(RunningStats, MeansFollowTheBatches) {
  for (const auto& [rows, classes] : kBatchShapes) {
    const auto x = uniform(rows * classes, 1, 0, 1), before = uniform(classes, 2, 0, 1);
    const Guarded<float, 2> batch(context, {rows, classes}, x);
    for (const int64_t step : {0, 3}) {
      Guarded<float, 1> plain(context, {classes}, before), first(context, {classes}, before),
          ended(context, {classes}, before);
      const auto state = at(step);
      running_mean(context, plain.view(), batch.view(), state.view(), RunningConfig{.decay = 0.75f});
      running_mean(context, first.view(), batch.view(), state.view(),
                   RunningConfig{.decay = 0.75f, .first_replaces = true});
      running_mean(context, ended.view(), batch.view(), state.view(), RunningConfig{.decay = 0.75f, .until = 3});
      std::vector<double> follow, replace;
      for (int64_t c = 0; c < classes; ++c) {
        const double mean = mean_of(x, c, classes);
        follow.push_back(0.75 * before[size_t(c)] + 0.25 * mean);
        replace.push_back(step == 0 ? mean : follow.back());
      }
      expect_close(plain.get(), follow, Class::reduce, Dtype::f32, "running mean");
      expect_close(first.get(), replace, Class::reduce, Dtype::f32, "the first replaces");
      if (step == 0)
        expect_close(ended.get(), follow, Class::reduce, Dtype::f32, "before the end");
      else
        EXPECT_EQ(ended.get(), before);
    }
  }
}

TEST_P(RunningStats, SharesOfLabels) {
  for (const int64_t rows : {1, 31, 449}) {
    std::vector<int32_t> labels;
    for (int64_t n = 0; n < rows; ++n) labels.push_back(int32_t(n * n % 7) - 1);  // -1: of no class
    const Guarded<int32_t, 1> all(context, {rows}, labels);
    const auto before = uniform(6, 3, 0, 1);
    Guarded<float, 1> shares(context, {6}, before);
    running_shares(context, shares.view(), all.view(), at(5).view(), RunningConfig{.decay = 0.5f});
    std::vector<double> expected;
    for (int32_t c = 0; c < 6; ++c)
      expected.push_back(0.5 * before[size_t(c)] +
                         0.5 * double(std::count(labels.begin(), labels.end(), c)) / double(rows));
    expect_close(shares.get(), expected, Class::reduce, Dtype::f32, "shares");
  }
}

TEST_P(RunningStats, MomentsAreMeanAndUnbiasedVariance) {
  for (const int64_t rows : {1, 2, 33, 448}) {
    const auto x = uniform(rows, 4, 0.9f, 1);
    const Guarded<float, 1> batch(context, {rows}, x);
    Guarded<float, 1> mean(context, {1}, {0.1f}), variance(context, {1}, {1.0f});
    running_moments(context, mean.view(), variance.view(), batch.view(), at(1).view(), RunningConfig{.decay = 0.5f});
    double middle = 0, spread = 0;
    for (const float v : x) middle += v / double(rows);
    for (const float v : x) spread += (v - middle) * (v - middle);
    spread = rows > 1 ? spread / double(rows - 1) : 0;
    expect_close(mean.get(), std::vector<double>{0.5 * 0.1 + 0.5 * middle}, Class::reduce, Dtype::f32, "mean");
    expect_close(variance.get(), std::vector<double>{0.5 + 0.5 * spread}, Class::reduce, Dtype::f32, "variance");
  }
}

TEST_P(RunningStats, AWindowIsTheMeanOfItsSteps) {
  constexpr int64_t kClasses = 5, kRows = 37, kWindow = 3;
  Guarded<float, 1> mean(context, {kClasses}, uniform(kClasses, 5));
  Guarded<float, 2> window(context, {kWindow, kClasses}, std::vector<float>(kWindow * kClasses, 0.0f));
  std::vector<std::vector<double>> past;
  for (int64_t step = 0; step < 8; ++step) {
    const auto x = uniform(kRows * kClasses, 10 + uint32_t(step), 0, 1);
    const Guarded<float, 2> batch(context, {kRows, kClasses}, x);
    window_mean(context, mean.view(), window.view(), batch.view(), at(step).view());
    past.emplace_back();
    for (int64_t c = 0; c < kClasses; ++c) past.back().push_back(mean_of(x, c, kClasses));
    std::vector<double> expected(kClasses, 0.0);
    const size_t begin = past.size() > kWindow ? past.size() - kWindow : 0;
    for (size_t s = begin; s < past.size(); ++s)
      for (size_t c = 0; c < kClasses; ++c) expected[c] += past[s][c] / double(past.size() - begin);
    expect_close(mean.get(), expected, Class::reduce, Dtype::f32, "the window's mean");
  }
}

TEST_P(RunningStats, RefusesBatchesWithoutRows) {
  Guarded<float, 1> average(context, {2}, {0, 0});
  const Guarded<float, 2> none(context, {0, 2}, {});
  EXPECT_THROW(running_mean(context, average.view(), none.view(), at(0).view(), RunningConfig{}), Error);
}

CRC_ON_EACH_DEVICE(RunningStats);

}  // namespace
}  // namespace crc::test
