#include "kernels/ops/fairness.h"

#include <algorithm>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/ops/rows.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class Fairness : public OnDevice {
 protected:
  // The loss as the paper writes it, in fp64, of all strong logits; the histogram of `at` is a constant of it.
  static double loss_of(const Row& x, const std::vector<float>& keep, const std::vector<float>& model,
                        const std::vector<float>& shares, const std::vector<double>& histogram) {
    const int64_t classes = int64_t(model.size()), rows = int64_t(keep.size());
    Row mean(size_t(classes), 0.0);
    double kept = 0;
    for (int64_t n = 0; n < rows; ++n) {
      if (keep[size_t(n)] == 0) continue;
      kept += 1;
      const Row p = softmax_of(Row(x.begin() + n * classes, x.begin() + (n + 1) * classes));
      for (int64_t c = 0; c < classes; ++c) mean[size_t(c)] += p[size_t(c)];
    }
    Row q, a;
    double sum_q = 0, sum_a = 0, loss = 0;
    for (size_t c = 0; c < size_t(classes); ++c) {
      q.push_back(histogram[c] > 0 ? mean[c] / kept / histogram[c] : 0);
      a.push_back(shares[c] > 0 ? model[c] / shares[c] : 0);
      sum_q += q.back();
      sum_a += a.back();
    }
    for (size_t c = 0; c < size_t(classes); ++c) loss += a[c] / sum_a * std::log(q[c] / sum_q + 1e-12);
    return loss;
  }
};

TEST_P(Fairness, TheGradientIsThatOfTheLoss) {
  const int64_t shapes[][2] = {{1, 3}, {7, 3}, {33, 10}};
  for (const auto& [rows, classes] : shapes) {
    const auto x = uniform(rows * classes, 1, -2, 2), model = uniform(classes, 2, 0.1f, 1),
               old = uniform(rows * classes, 3);
    auto shares = uniform(classes, 4, 0.1f, 1);
    shares[1] = 0;
    std::vector<float> keep;
    for (int64_t n = 0; n < rows; ++n) keep.push_back(n % 3 != 1);
    std::vector<float> p;
    std::vector<int32_t> likeliest;
    std::vector<double> histogram(size_t(classes), 0.0);
    double kept = 0;
    for (int64_t n = 0; n < rows; ++n) {
      const Row row = softmax_of(row_of(x, n, classes));
      for (const double v : row) p.push_back(float(v));
      likeliest.push_back(int32_t(std::max_element(row.begin(), row.end()) - row.begin()));
      kept += keep[size_t(n)];
      histogram[size_t(likeliest.back())] += keep[size_t(n)];
    }
    for (double& h : histogram) h /= kept;
    const Guarded<float, 2> predictions(context, {rows, classes}, p);
    const Guarded<int32_t, 1> top(context, {rows}, likeliest);
    const Guarded<float, 1> weight(context, {rows}, keep), models(context, {classes}, model),
        share(context, {classes}, shares);
    Guarded<float, 2> batch(context, {2, classes}, uniform(2 * classes, 5)), dx(context, {rows, classes}, old, "dx");
    Guarded<float, 1> pull(context, {classes}, uniform(classes, 6));
    fairness_batch(context, batch.view(), predictions.view(), top.view(), weight.view());
    fairness_pull(context, pull.view(), batch.view(), models.view(), share.view());
    fairness_rows(context, dx.view(), predictions.view(), weight.view(), pull.view(), 0.5f);
    std::vector<double> expected;
    append_gradient(
        expected, [&](const Row& row) { return loss_of(row, keep, model, shares, histogram); }, Row(x.begin(), x.end()),
        0.5);
    for (size_t i = 0; i < expected.size(); ++i) expected[i] += old[i];
    expect_close(dx.get(), expected, Class::reduce, Dtype::f32, "gradient");
  }
}

TEST_P(Fairness, NothingIsKeptNothingIsPulled) {
  const Guarded<float, 2> p(context, {2, 2}, {0.5f, 0.5f, 0.25f, 0.75f});
  const Guarded<int32_t, 1> top(context, {2}, {0, 1});
  const Guarded<float, 1> none(context, {2}, {0, 0}), even(context, {2}, {0.5f, 0.5f});
  Guarded<float, 2> batch(context, {2, 2}, uniform(4, 1)), dx(context, {2, 2}, {1, 2, 3, 4});
  Guarded<float, 1> pull(context, {2}, uniform(2, 2));
  fairness_batch(context, batch.view(), p.view(), top.view(), none.view());
  fairness_pull(context, pull.view(), batch.view(), even.view(), even.view());
  fairness_rows(context, dx.view(), p.view(), none.view(), pull.view(), 0.5f);
  EXPECT_EQ(pull.get(), (std::vector<float>{0, 0}));
  EXPECT_EQ(dx.get(), (std::vector<float>{1, 2, 3, 4}));
}

CRC_ON_EACH_DEVICE(Fairness);

}  // namespace
}  // namespace crc::test
