#include "kernels/ops/pseudo_weight.h"

#include <algorithm>
#include <cmath>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class PseudoWeights : public OnDevice {};

TEST_P(PseudoWeights, AMaskByOneThresholdOrByThatOfTheClass) {
  for (const int64_t n : {0, 1, 257}) {
    auto sure = uniform(n, 1, 0, 1);
    std::vector<int32_t> label;
    for (int64_t i = 0; i < n; ++i) label.push_back(int32_t(i % 3));
    if (n > 1) sure[1] = 0.5f;  // at the threshold counts
    const std::vector<float> thresholds{0.2f, 0.5f, 0.8f};
    const Guarded<float, 1> confidence(context, {n}, sure), of_class(context, {3}, thresholds),
        one(context, {1}, {0.5f});
    const Guarded<int32_t, 1> labels(context, {n}, label);
    Guarded<float, 1> weight(context, {n}, uniform(n, 2));
    std::vector<float> expected, by_class;
    for (int64_t i = 0; i < n; ++i) {
      expected.push_back(sure[size_t(i)] >= 0.5f);
      by_class.push_back(sure[size_t(i)] >= thresholds[size_t(label[size_t(i)])]);
    }
    keep_above(context, weight.view(), confidence.view(), labels.view(), one.view());
    EXPECT_EQ(weight.get(), expected);
    keep_above(context, weight.view(), confidence.view(), labels.view(), of_class.view());
    EXPECT_EQ(weight.get(), by_class);
  }
}

TEST_P(PseudoWeights, TheGaussianIsTruncatedAboveTheMean) {
  const auto sure = uniform(259, 3, 0, 1);
  const Guarded<float, 1> confidence(context, {259}, sure), mean(context, {1}, {0.6f}), variance(context, {1}, {0.03f});
  Guarded<float, 1> weight(context, {259}, uniform(259, 4));
  gaussian_weight(context, weight.view(), confidence.view(), mean.view(), variance.view(), 2.0f);
  std::vector<double> expected;
  for (const float c : sure) {
    const double below = std::min(double(c) - double(0.6f), 0.0);
    expected.push_back(std::exp(-below * below * 4 / (2 * double(0.03f))));
  }
  expect_close(weight.get(), expected, Class::reduce, Dtype::f32, "weights");
}

TEST_P(PseudoWeights, AShareOfTheMeanConfidence) {
  for (const int64_t n : {1, 33, 64}) {
    const auto sure = uniform(n, 5, 0, 1);
    const Guarded<float, 1> confidence(context, {n}, sure);
    Guarded<float, 1> threshold(context, {1}, {7});
    mean_threshold(context, threshold.view(), confidence.view(), 0.9f);
    double sum = 0;
    for (const float c : sure) sum += c;
    expect_close(threshold.get(), std::vector<double>{double(0.9f) * sum / double(n)}, Class::point, Dtype::f32, "it");
  }
}

TEST_P(PseudoWeights, ThresholdsRelativeToTheLikeliestClass) {
  for (const int64_t classes : {1, 10, 100}) {
    const auto model = uniform(classes, 6, 0, 1);
    const Guarded<float, 1> models(context, {classes}, model), level(context, {1}, {0.7f});
    Guarded<float, 1> thresholds(context, {classes}, uniform(classes, 7));
    relative_thresholds(context, thresholds.view(), level.view(), models.view());
    std::vector<double> expected;
    for (const float m : model) expected.push_back(double(0.7f) * m / *std::max_element(model.begin(), model.end()));
    expect_close(thresholds.get(), expected, Class::point, Dtype::f32, "thresholds");
  }
}

TEST_P(PseudoWeights, CurriculumByCountsAndByWhatIsUnused) {
  const auto of = [&](std::vector<float> counts, int64_t items, bool warmup) {
    const int64_t classes = int64_t(counts.size());
    const Guarded<float, 1> count(context, {classes}, counts);
    Guarded<float, 1> thresholds(context, {classes}, uniform(classes, 8));
    curriculum_thresholds(context, thresholds.view(), count.view(), items, 0.95f, warmup);
    return thresholds.get();
  };
  const auto convex = [](double b) { return double(0.95f) * b / (2 - b); };
  expect_close(of({30, 10, 0}, 1000, false), std::vector<double>{convex(1), convex(1 / 3.0), 0}, Class::point,
               Dtype::f32, "counts alone");
  expect_close(of({30, 10, 0}, 100, true), std::vector<double>{convex(0.5), convex(1 / 6.0), 0}, Class::point,
               Dtype::f32, "60 are unused");
  expect_close(of({30, 10, 0}, 50, true), std::vector<double>{convex(1), convex(1 / 3.0), 0}, Class::point, Dtype::f32,
               "10 are unused");
  EXPECT_EQ(of({0, 0}, 5, false), (std::vector<float>{0, 0})) << "nothing is learnt yet";
}

CRC_ON_EACH_DEVICE(PseudoWeights);

}  // namespace
}  // namespace crc::test
