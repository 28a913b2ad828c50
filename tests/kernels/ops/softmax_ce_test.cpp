#include "kernels/ops/softmax_ce.h"

#include <algorithm>
#include <set>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/ops/rows.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class SoftmaxCe : public OnDevice {};
class ConfidentCe : public OnDevice {};
class Softmax : public OnDevice {};

const int64_t kShapes[][2] = {{0, 10}, {1, 1}, {1, 2}, {7, 10}, {31, 32}, {33, 33}, {131, 31}, {17, 100}};

std::vector<int32_t> labels_for(int64_t n, int64_t classes) {
  std::vector<int32_t> labels(n);
  for (int64_t i = 0; i < n; ++i) labels[i] = i % 5 == 3 ? -1 : int32_t(i * 7 % classes);
  return labels;
}

TEST_P(SoftmaxCe, EqualsTheEquation) {
  for (const auto& [n, classes] : kShapes) {
    const auto x = uniform(n * classes, 1, -3, 3);
    const auto y = labels_for(n, classes);
    const float scale = 1.0f / 64;
    Guarded<float, 2> dx(context, {n, classes}, uniform(n * classes, 2), "dlogits"), logits(context, {n, classes}, x);
    Guarded<float, 1> losses(context, {n}, uniform(n, 3), "losses");
    const Guarded<int32_t, 1> labels(context, {n}, y, "labels");
    softmax_ce(context, dx.view(), losses.view(), logits.view(), labels.view(), scale);

    std::vector<double> el, ed;
    for (int64_t i = 0; i < n; ++i) {
      const auto loss = [&](const Row& row) { return y[i] < 0 ? 0.0 : cross_entropy_of(row, y[i]); };
      el.push_back(loss(row_of(x, i, classes)));
      append_gradient(ed, loss, row_of(x, i, classes), scale);
    }
    expect_close(losses.get(), el, Class::point, Dtype::f32, "losses");
    expect_close(dx.get(), ed, Class::point, Dtype::f32, "dlogits");

    const auto first = dx.get();
    Guarded<float, 1> again(context, {n}, uniform(n, 4), "losses");
    softmax_ce(context, View<float, 2>{}, again.view(), logits.view(), labels.view(), scale);  // no gradient wanted
    expect_close(again.get(), losses.get(), Class::exact, Dtype::f32, "losses alone");
    softmax_ce(context, logits.view(), losses.view(), logits.view(), labels.view(), scale);  // in place
    expect_close(logits.get(), first, Class::exact, Dtype::f32, "in place");
    expect_close(losses.get(), again.get(), Class::exact, Dtype::f32, "losses in place");
  }
}

TEST_P(SoftmaxCe, SurvivesHugeLogitsAndShowsBrokenOnes) {
  const float inf = INFINITY;
  const std::vector<float> x{1e30f, -1e30f, 0, -200, 0, -300, NAN, 1, 2, 0, -inf, 0, 1, 2, 3};
  Guarded<float, 2> dx(context, {5, 3}, uniform(15, 1)), logits(context, {5, 3}, x);
  Guarded<float, 1> losses(context, {5}, uniform(5, 1));
  const Guarded<int32_t, 1> labels(context, {5}, {0, 0, 1, 2, 3});
  softmax_ce(context, dx.view(), losses.view(), logits.view(), labels.view(), 1.0f);
  const auto l = losses.get(), d = dx.get();
  EXPECT_EQ(l[0], 0);
  EXPECT_EQ(l[1], 200);
  EXPECT_EQ(d[3], -1);
  EXPECT_EQ(d[4], 1);
  EXPECT_TRUE(std::isnan(l[2])) << "a NaN logit";
  EXPECT_EQ(d[10], 0) << "a logit of -inf has no probability";
  EXPECT_TRUE(std::isnan(l[4]) && std::isnan(d[12]) && std::isnan(d[14])) << "label 3 of 3 classes";
}

TEST_P(SoftmaxCe, RefusesWrongShapes) {
  Guarded<float, 2> logits(context, {2, 3}, uniform(6, 1), "logits");
  Guarded<float, 1> losses(context, {3}, uniform(3, 1), "losses");
  const Guarded<int32_t, 1> labels(context, {2}, {0, 1}, "labels");
  try {
    softmax_ce(context, logits.view(), losses.view(), logits.view(), labels.view(), 1.0f);
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "softmax_ce: 'losses' has shape [3], expected [2]");
  }
}

TEST_P(ConfidentCe, EqualsTheEquation) {
  for (const auto& [n, classes] : kShapes) {
    const ConfidentCeConfig config{.threshold = 0.6f, .temperature = 0.5f, .scale = 1.0f / 448};
    const auto w = uniform(n * classes, 5, -3, 3), s = uniform(n * classes, 6, -3, 3);
    const Guarded<float, 2> weak(context, {n, classes}, w), strong(context, {n, classes}, s);
    Guarded<float, 2> dx(context, {n, classes}, uniform(n * classes, 2), "dstrong");
    Guarded<float, 1> losses(context, {n}, uniform(n, 3), "losses"), mask(context, {n}, uniform(n, 4), "mask");
    Guarded<int32_t, 1> pseudo(context, {n}, std::vector<int32_t>(n, -5), "pseudo");
    confident_ce(context, dx.view(), losses.view(), mask.view(), pseudo.view(), weak.view(), strong.view(), config);

    std::vector<double> el, ed;
    std::vector<float> em;
    std::vector<int32_t> ep;
    for (int64_t i = 0; i < n; ++i) {
      const Row p = softmax_of(row_of(w, i, classes), config.temperature);
      ep.push_back(int32_t(std::max_element(p.begin(), p.end()) - p.begin()));
      em.push_back(p[ep[i]] >= config.threshold);
      const auto loss = [&](const Row& row) { return em[i] * cross_entropy_of(row, ep[i]); };
      el.push_back(loss(row_of(s, i, classes)));
      append_gradient(ed, loss, row_of(s, i, classes), config.scale);
    }
    if (n == 7) {
      EXPECT_EQ(std::set<float>(em.begin(), em.end()).size(), 2u) << "rows of both kinds";
    }
    expect_close(mask.get(), em, Class::exact, Dtype::f32, "mask");
    expect_close(pseudo.get(), ep, Class::exact, Dtype::f32, "pseudo");
    expect_close(losses.get(), el, Class::point, Dtype::f32, "losses");
    expect_close(dx.get(), ed, Class::point, Dtype::f32, "dstrong");

    const auto first = dx.get();
    confident_ce(context, dx.view(), losses.view(), mask.view(), pseudo.view(), weak.view(), strong.view(), config);
    expect_close(dx.get(), first, Class::exact, Dtype::f32, "the second run");
  }
}

TEST_P(ConfidentCe, TiesTakeTheLowestClassAndTheThresholdCounts) {
  std::vector<float> w(4 * 40, -1e30f);
  w[5] = w[37] = 2;                        // p = 1/2 each: at the threshold
  w[40 + 3] = w[40 + 4] = w[40 + 39] = 2;  // p = 1/3: below
  std::fill(w.begin() + 80, w.begin() + 120, NAN);
  w[120 + 39] = 0;
  const Guarded<float, 2> weak(context, {4, 40}, w), strong(context, {4, 40}, uniform(160, 1));
  Guarded<float, 2> dx(context, {4, 40}, uniform(160, 2));
  Guarded<float, 1> losses(context, {4}, uniform(4, 3)), mask(context, {4}, uniform(4, 4));
  Guarded<int32_t, 1> pseudo(context, {4}, {9, 9, 9, 9});
  confident_ce(context, dx.view(), losses.view(), mask.view(), pseudo.view(), weak.view(), strong.view(),
               ConfidentCeConfig{.threshold = 0.5f});
  EXPECT_EQ(pseudo.get(), (std::vector<int32_t>{5, 3, 0, 39}));
  EXPECT_EQ(mask.get(), (std::vector<float>{1, 0, 0, 1}));
  EXPECT_EQ(losses.get()[1], 0);
  for (int64_t c = 40; c < 120; ++c) EXPECT_EQ(dx.get()[c], 0) << c;
}

TEST_P(ConfidentCe, RefusesATemperatureOfZero) {
  Guarded<float, 2> x(context, {1, 2}, {1, 2});
  Guarded<float, 1> losses(context, {1}, {0}), mask(context, {1}, {0});
  Guarded<int32_t, 1> pseudo(context, {1}, {0});
  try {
    confident_ce(context, x.view(), losses.view(), mask.view(), pseudo.view(), x.view(), x.view(),
                 ConfidentCeConfig{.temperature = 0});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::config);
    EXPECT_STREQ(e.what(), "confident_ce: temperature is 0.000000; it divides the logits and must be above 0");
  }
}

TEST_P(Softmax, EqualsTheEquation) {
  for (const auto& [n, classes] : kShapes) {
    const auto x = uniform(n * classes, 8, -3, 3);
    Guarded<float, 2> logits(context, {n, classes}, x), p(context, {n, classes}, uniform(n * classes, 2), "p");
    softmax(context, p.view(), logits.view());
    std::vector<double> expected;
    for (int64_t i = 0; i < n; ++i)
      for (double v : softmax_of(row_of(x, i, classes))) expected.push_back(v);
    expect_close(p.get(), expected, Class::point, Dtype::f32, "probabilities");
    softmax(context, logits.view(), logits.view());
    expect_close(logits.get(), p.get(), Class::exact, Dtype::f32, "in place");
  }
}

// More rows than a GPU's grid holds warps: each warp takes several.
TEST_P(Softmax, AWholePool) {
  const int64_t n = 10007;
  Guarded<float, 2> p(context, {n, 2}, uniform(2 * n, 2), "p");
  const Guarded<float, 2> logits(context, {n, 2}, std::vector<float>(2 * n, 0), "logits");
  softmax(context, p.view(), logits.view());
  EXPECT_EQ(p.get(), std::vector<float>(2 * n, 0.5f));
}

CRC_ON_EACH_DEVICE(SoftmaxCe);
CRC_ON_EACH_DEVICE(ConfidentCe);
CRC_ON_EACH_DEVICE(Softmax);

}  // namespace
}  // namespace crc::test
