#include "ssl/temperature.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "kernels/core/error.h"
#include "kernels/core/random.h"

namespace crc::ssl {
namespace {

TEST(Temperature, FoldsDealEachClassInTurnAndKeepAClassesOnlyLabel) {
  const std::vector<int32_t> labels{1, -1, 0, 1, 1, 2, 0, -1, 1};
  EXPECT_EQ(deal_folds(labels, 3, 3), (std::vector<int64_t>{2, -1, 0, 0, 1, -1, 1, -1, 2}));
  for (const int64_t folds : {2, 5}) {
    const auto fold = deal_folds(labels, 3, folds);
    for (int32_t c = 0; c < 2; ++c) {
      std::set<int64_t> of_class;
      for (size_t i = 0; i < labels.size(); ++i)
        if (labels[i] == c) of_class.insert(fold[i]);
      EXPECT_GT(of_class.size(), 1u) << "all labels of a class are left out together";
      EXPECT_FALSE(of_class.contains(-1));
    }
  }
  EXPECT_EQ(deal_folds({0, 1, -1}, 2, 5), (std::vector<int64_t>{-1, -1, -1}));
}

// Labels drawn from softmax(logits), which are then `heat` times as large.
struct Drawn {
  std::vector<float> logits;
  std::vector<int32_t> labels;
};
Drawn drawn(int64_t items, int64_t classes, double heat) {
  Drawn all;
  for (int64_t i = 0; i < items; ++i) {
    Draws draws(5, Purpose::test, i, 0);
    std::vector<double> p;
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) {
      const double logit = 4 * draws.uniform53() - 2;
      all.logits.push_back(float(heat * logit));
      p.push_back(std::exp(logit));
      sum += p.back();
    }
    double target = draws.uniform53() * sum;
    int32_t label = 0;
    while (label + 1 < int32_t(classes) && (target -= p[size_t(label)]) > 0) ++label;
    all.labels.push_back(label);
  }
  return all;
}

double loss(const Drawn& all, int64_t classes, double temperature) {
  double total = 0;
  for (size_t i = 0; i < all.labels.size(); ++i) {
    if (all.labels[i] < 0) continue;
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c)
      sum += std::exp(double(all.logits[i * size_t(classes) + size_t(c)]) / temperature);
    total += std::log(sum) - double(all.logits[i * size_t(classes) + size_t(all.labels[i])]) / temperature;
  }
  return total;
}

TEST(Temperature, IsThatUnderWhichLabelsWereDrawn) {
  for (const double heat : {0.4, 1.0, 3.0}) {
    const Drawn all = drawn(20000, 5, heat);
    const double t = fit_temperature(all.logits, all.labels, 5);
    EXPECT_NEAR(t / heat, 1, 0.04) << heat;  // some three standard errors
    for (const double other : {0.98, 1.02}) EXPECT_LT(loss(all, 5, t), loss(all, 5, other * t)) << heat;
  }
}

TEST(Temperature, RowsWithoutALabelDoNotCount) {
  Drawn all = drawn(500, 3, 2);
  const double t = fit_temperature(all.logits, all.labels, 3);
  for (int k = 0; k < 90; ++k) all.logits.push_back(float(k * k)), all.labels.resize(all.logits.size() / 3, -1);
  EXPECT_EQ(fit_temperature(all.logits, all.labels, 3), t);
}

TEST(Temperature, EndsWhereLabelsAskForMore) {
  EXPECT_NEAR(fit_temperature({1, 0, 0, 1}, {0, 1}, 2), 1.0 / 64, 1e-9);  // all right
  EXPECT_NEAR(fit_temperature({1, 0, 0, 1}, {1, 0}, 2), 64, 1e-6);        // all wrong
  EXPECT_NE(temperature_note(fit_temperature({1, 0, 0, 1}, {1, 0}, 2)), "");
  EXPECT_EQ(temperature_note(3), "");
  EXPECT_THROW(fit_temperature({1, 0}, {-1}, 2), Error);
}

}  // namespace
}  // namespace crc::ssl
