// BADGE (Ash et al. 2020): k-means++ on the last layer's gradients under the model's own labels,
//   g = (e_y - p) h^T, y = argmax p, without the bias, as the authors' code has it.
// The first centre is the longest gradient; each further one is drawn with probability proportional to the squared
// distance to the nearest centre. Nothing is drawn twice: a centre is at distance exactly 0 from itself and its copies
// (norms and inner products of kernels/ops/persample_gram.h have the same bits), and where all distances are 0 the
// smallest ids follow. The labelled set plays no part.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "crc/uncertainty.h"
#include "kernels/core/random.h"
#include "kernels/core/tensor.h"
#include "kernels/ops/persample_gram.h"

namespace crc::select {
namespace {

constexpr PersampleConfig kNoBias{.bias = false};

// The gradients of the pool, row by row in the order of problem.unlabeled.
struct Gradients {
  Tensor delta, h;  // [U,C], [U,D]
  std::vector<double> squared;

  Gradients(Context& context, const Problem& problem, const Config& config) {
    const HostRows features = read_features(context, problem.features, config.name, {problem.unlabeled});
    const HostRows logits = read_logits(context, problem, config);
    std::vector<float> deltas, rows;
    for (int64_t item : problem.unlabeled) {
      const std::vector<double> p = softmax(logits[item]);
      const auto label = size_t(std::ranges::max_element(p) - p.begin());
      for (size_t c = 0; c < p.size(); ++c) deltas.push_back(float((c == label ? 1.0 : 0.0) - p[c]));
      rows.insert(rows.end(), features[item].begin(), features[item].end());
    }
    const int64_t pool = int64_t(problem.unlabeled.size());
    delta = Tensor::from_host(context, {pool, logits.width}, deltas.data(), "cotangents");
    h = Tensor::from_host(context, {pool, features.width}, rows.data(), "features of the pool");
    const Tensor norms(context, {pool}, Dtype::f64, "squared norms");
    persample_norms(context, norms.view<double, 1>(), delta.view<const float, 2>(), h.view<const float, 2>(), kNoBias);
    squared = norms.to_host<double>(context);
  }
  // nearest[i] = min(nearest[i], |g_i - g_center|^2)
  void approach(Context& context, int64_t center, std::vector<double>& nearest) const {
    const int64_t pool = int64_t(squared.size());
    const Tensor inner(context, {1, pool}, Dtype::f64, "inner products");
    const auto d = delta.view<const float, 2>(), x = h.view<const float, 2>();
    persample_gram(context, inner.view<double, 2>(), d.slice(center, center + 1), x.slice(center, center + 1), d, x,
                   kNoBias);
    const std::vector<double> k = inner.to_host<double>(context);
    for (int64_t i = 0; i < pool; ++i)
      nearest[i] = std::min(nearest[i], std::max(0.0, squared[i] - 2 * k[i] + squared[center]));
  }
};

// A place drawn with probability proportional to weights; the first free one if all weights are 0.
int64_t draw_place(const std::vector<double>& weights, const std::vector<bool>& picked, Draws& draws) {
  const double high = draws.bits(), low = draws.bits() >> 11;  // 53 bits
  double total = 0;
  for (double w : weights) total += w;
  const double target = (high * 0x1p-32 + low * 0x1p-53) * total;
  double sum = 0;
  int64_t last = -1;
  for (int64_t i = 0; i < int64_t(weights.size()); ++i) {
    if (!(weights[i] > 0)) continue;
    last = i;
    if ((sum += weights[i]) > target) break;
  }
  return last >= 0 ? last : std::ranges::find(picked, false) - picked.begin();
}

}  // namespace

Selection select_badge(Context& context, const Problem& problem, const Config& config) {
  const Gradients gradients(context, problem, config);
  const std::vector<double>& squared = gradients.squared;
  std::vector<double> nearest(squared.size(), INFINITY);
  std::vector<bool> picked(squared.size(), false);
  Draws draws(config.seed, Purpose::acquisition, 0, config.round);
  Selection selection;
  int64_t center = std::ranges::max_element(squared) - squared.begin();
  double score = squared[center];
  while (true) {
    picked[center] = true;
    selection.picks.push_back(problem.unlabeled[center]);
    selection.groups.push_back({{problem.unlabeled[center]}, score});
    if (int64_t(selection.picks.size()) == config.budget) break;
    gradients.approach(context, center, nearest);
    center = draw_place(nearest, picked, draws);
    score = nearest[center];
  }
  selection.candidates.assign(problem.unlabeled.begin(), problem.unlabeled.end());
  selection.scores = squared;
  const auto [low, high] = std::ranges::minmax(squared);
  selection.summary = fmt::format("badge: {} of {} items; squared gradients {:.6g} to {:.6g}, last distance {:.6g}",
                                  config.budget, squared.size(), low, high, score);
  return selection;
}

}  // namespace crc::select
