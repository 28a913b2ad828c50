#include "kernels/ops/pseudo_label.h"

#include <algorithm>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/ops/rows.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class PseudoLabels : public OnDevice {};

const int64_t kPseudoShapes[][2] = {{0, 10}, {1, 1}, {7, 10}, {33, 33}, {131, 31}, {17, 100}};

TEST_P(PseudoLabels, SharpenedPredictions) {
  for (const auto& [n, classes] : kPseudoShapes) {
    const auto x = uniform(n * classes, 1, -3, 3);
    Guarded<float, 2> logits(context, {n, classes}, x), p(context, {n, classes}, uniform(n * classes, 2));
    sharpen(context, p.view(), logits.view(), 0.4f);
    std::vector<double> expected;
    for (int64_t i = 0; i < n; ++i)
      for (const double v : softmax_of(row_of(x, i, classes), double(0.4f))) expected.push_back(v);
    expect_close(p.get(), expected, Class::point, Dtype::f32, "sharpened");
    sharpen(context, logits.view(), logits.view(), 0.4f);
    EXPECT_EQ(logits.get(), p.get()) << "in place";
  }
  Guarded<float, 2> x(context, {1, 2}, {1, 2});
  EXPECT_THROW(sharpen(context, x.view(), x.view(), 0.0f), Error);
}

TEST_P(PseudoLabels, AlignmentTurnsRowsTowardsATarget) {
  for (const auto& [n, classes] : kPseudoShapes) {
    const auto x = uniform(n * classes, 3, 0, 1), to = uniform(classes, 4, 0, 1), from = uniform(classes, 5, 0, 1);
    const Guarded<float, 1> target(context, {classes}, to), model(context, {classes}, from);
    for (const bool uniform_target : {false, true}) {
      Guarded<float, 2> p(context, {n, classes}, x);
      align_rows(context, p.view(), uniform_target ? View<float, 1>{} : target.view(), model.view());
      std::vector<double> expected;
      for (int64_t i = 0; i < n; ++i) {
        Row row;
        double sum = 0;
        for (int64_t c = 0; c < classes; ++c) {
          const double wanted = uniform_target ? 1 / double(classes) : double(to[size_t(c)]);
          row.push_back(x[size_t(i * classes + c)] * (wanted + 1e-6) / (from[size_t(c)] + 1e-6));
          sum += row.back();
        }
        for (const double v : row) expected.push_back(v / sum);
      }
      expect_close(p.get(), expected, Class::reduce, Dtype::f32, "aligned");
    }
  }
}

TEST_P(PseudoLabels, TheLikeliestClassIsTheLowestOnTies) {
  const float nan = NAN;
  std::vector<float> p(4 * 40, 0.01f);
  p[5] = p[37] = 0.25f;
  p[40 + 39] = 0.5f;
  std::fill(p.begin() + 80, p.begin() + 120, nan);
  const Guarded<float, 2> rows(context, {4, 40}, p);
  Guarded<float, 1> confidence(context, {4}, uniform(4, 1));
  Guarded<int32_t, 1> label(context, {4}, {9, 9, 9, 9});
  top_class(context, confidence.view(), label.view(), rows.view());
  EXPECT_EQ(confidence.get(), (std::vector<float>{0.25f, 0.5f, 0, 0.01f}));
  EXPECT_EQ(label.get(), (std::vector<int32_t>{5, 39, 0, 0}));
}

CRC_ON_EACH_DEVICE(PseudoLabels);

}  // namespace
}  // namespace crc::test
