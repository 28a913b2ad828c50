// BADGE (Ash et al. 2020): k-means++ on the last layer's gradients under the model's own labels,
//   g = (e_y - p) h^T, y = argmax p, without the bias, as the authors' code has it.
// The first centre is the longest gradient; each further one is drawn with probability proportional to the squared
// distance to the nearest centre. Nothing is drawn twice: a centre is at distance exactly 0 from itself and its copies
// (kernels/ops/outer_distance.h), and where all distances are 0 the draw is uniform. The labelled set plays no part.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "crc/k_means.h"
#include "crc/ties.h"
#include "crc/uncertainty.h"
#include "kernels/core/random.h"
#include "kernels/core/tensor.h"
#include "kernels/ops/outer_distance.h"

namespace crc::select {
namespace {

// The gradients of the pool, row by row in the order of problem.unlabeled, as outer products.
struct Gradients {
  Context& context;
  Fp32Features features;
  Tensor delta, h;          // [U,C], [U,D]
  Tensor squared, nearest;  // [U] norms; distances to the nearest centre

  Gradients(Context& c, const Problem& problem, const Config& config)
      : context(c), features(read_features(c, problem.features, config.name, {problem.unlabeled})) {
    const Logits logits = read_logits(context, problem, config);
    std::vector<float> deltas, rows;
    for (int64_t item : problem.unlabeled) {
      const std::vector<double> p = softmax(logits[item]);
      const auto label = size_t(std::ranges::max_element(p) - p.begin());
      for (size_t c = 0; c < p.size(); ++c) deltas.push_back(float((c == label ? 1.0 : 0.0) - p[c]));
      rows.insert(rows.end(), features[item].begin(), features[item].end());
    }
    const int64_t pool = int64_t(problem.unlabeled.size());
    const std::vector<double> far(pool, INFINITY);
    delta = Tensor::from_host(context, {pool, logits.classes()}, deltas.data(), "cotangents");
    h = Tensor::from_host(context, {pool, features.width}, rows.data(), "features of the pool");
    squared = Tensor(context, {pool}, Dtype::f64, "squared norms");
    nearest = Tensor::from_host(context, {pool}, far.data(), "squared distances");
    outer_norms(context, squared.view<double, 1>(), delta.view<const float, 2>(), h.view<const float, 2>());
  }
  // Distances to the nearest centre, once `center` is one.
  std::vector<double> approach(int64_t center) const {
    min_outer_distance(context, nearest.view<double, 1>(), squared.view<const double, 1>(),
                       delta.view<const float, 2>(), h.view<const float, 2>(), center);
    return nearest.to_host<double>(context);
  }
};

}  // namespace

Selection select_badge(Context& context, const Problem& problem, const Config& config) {
  const Gradients gradients(context, problem, config);
  const Ties ties(config.seed, config.round);
  Selection selection;
  selection.candidates.assign(problem.unlabeled.begin(), problem.unlabeled.end());
  const std::vector<double> squared = gradients.squared.to_host<double>(context);
  for (double value : squared) selection.scores.push_back(gradients.features.square(value));
  check_scores(config, selection.scores, problem.unlabeled, 1);
  std::vector<bool> picked(squared.size(), false);
  Draws draws(config.seed, Purpose::acquisition, 0, config.round);
  int64_t center = ties.largest(squared, picked, problem.unlabeled), drawn = 0;
  double score = selection.scores[center];
  while (true) {
    picked[center] = true;
    selection.picks.push_back(problem.unlabeled[center]);
    selection.groups.push_back({{problem.unlabeled[center]}, score});
    if (int64_t(selection.picks.size()) == config.budget) break;
    const std::vector<double> nearest = gradients.approach(center);
    center = draw_place(nearest, draws);
    if (center < 0) center = ties.largest(nearest, picked, problem.unlabeled), ++drawn;
    score = gradients.features.square(nearest[center]);
  }
  if (drawn > 0)
    selection.warnings.push_back(ties.warning(drawn, config.budget, int64_t(picked.size()) - config.budget + drawn, 0));
  const auto [low, high] = std::ranges::minmax(selection.scores);
  selection.summary = fmt::format("badge: {} of {} items; squared gradients {:.6g} to {:.6g}, last distance {:.6g}",
                                  config.budget, selection.scores.size(), low, high, score);
  return selection;
}

}  // namespace crc::select
