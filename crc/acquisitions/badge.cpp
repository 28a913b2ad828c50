// BADGE (Ash et al. 2020): k-means++ on the last layer's gradients under the model's own labels,
//   g = (e_y - p) h^T, y = argmax p, without the bias, as the authors' code has it.
// The first centre is the longest gradient; each further one is drawn with probability proportional to the squared
// distance to the nearest centre, times its weight where weights are given (w_i |g_i|^2 for the first). Nothing is drawn
// twice: a centre is at distance exactly 0 from itself and its copies (kernels/ops/outer_distance.h), and where all is 0
// the draw is uniform, items of weight 0 last. The labelled set plays no part.
// Time: C + D products an item and pick; memory: C + D floats an item, none of C D.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "crc/k_means.h"
#include "crc/pool_rows.h"
#include "crc/uncertainty.h"
#include "kernels/ops/outer_distance.h"

namespace crc::select {
namespace {

// e_y - p of the pool [U,C].
SharedRows cotangents(Context& context, const Problem& problem, const Config& config) {
  const Logits logits = read_logits(context, problem, config);
  const int64_t pool = int64_t(problem.unlabeled.size());
  std::vector<float> deltas;
  deltas.reserve(size_t(pool * logits.classes()));
  for (int64_t item : problem.unlabeled) {
    const std::vector<double> p = softmax(logits[item]);
    const auto label = size_t(std::ranges::max_element(p) - p.begin());
    for (size_t c = 0; c < p.size(); ++c) deltas.push_back(float((c == label ? 1.0 : 0.0) - p[c]));
  }
  return {context, std::move(deltas), pool, logits.classes(), "cotangents"};
}

Problem without_labels(Problem problem) {
  problem.labeled = {}, problem.labels = {};
  return problem;
}

// The gradients of the pool, row by row in the order of problem.unlabeled, as outer products.
struct Gradients {
  Context& context;
  PoolRows h;
  SharedRows delta;
  Tensor squared, nearest;  // [U] norms; distances to the nearest centre

  Gradients(Context& c, const Problem& problem, const Config& config)
      : context(c), h(c, without_labels(problem), config, Scaling::none), delta(cotangents(c, problem, config)) {
    const std::vector<double> far(size_t(h.count()), INFINITY);
    squared = Tensor(context, {h.count()}, Dtype::f64, "squared norms");
    nearest = Tensor::from_host(context, {h.count()}, far.data(), "squared distances");
    outer_norms(context, squared.view<double, 1>(), delta.view(), h.rows());
  }
  // Distances to the nearest centre, once `center` is one.
  std::vector<double> approach(int64_t center) const {
    min_outer_distance(context, nearest.view<double, 1>(), squared.view<const double, 1>(), delta.view(), h.rows(),
                       center);
    return nearest.to_host<double>(context);
  }
};

}  // namespace

Selection select_badge(Context& context, const Problem& problem, const Config& config) {
  const Gradients gradients(context, problem, config);
  const std::vector<double> weights = weights_of(problem, problem.unlabeled);
  std::vector<double> value = gradients.squared.to_host<double>(context), scores, counts;
  const auto weigh = [&] {
    for (size_t k = 0; k < value.size(); ++k) value[k] *= weights[k];
  };
  weigh();
  for (double v : value) scores.push_back(gradients.h.square(v));
  for (double w : weights) counts.push_back(w > 0);
  const auto [low, high] = std::ranges::minmax(scores);
  Picks picks(problem, config, std::move(scores));
  const Ties ties(config.seed, config.round);
  Draws draws(config.seed, Purpose::acquisition, 0, config.round);
  std::vector<bool> picked(value.size(), false);
  int64_t center = ties.largest(value, picked, problem.unlabeled);
  bool drawn = false;
  while (true) {
    picked[center] = true;
    picks.add(problem.unlabeled[center], gradients.h.square(value[center]), drawn);
    if (picks.complete()) break;
    value = gradients.approach(center);
    weigh();
    center = draw_place(value, draws);
    drawn = center < 0;
    if (drawn) center = ties.largest(counts, picked, problem.unlabeled);
  }
  return picks.finish(fmt::format("badge: {} of {} items; squared gradients {:.6g} to {:.6g}, last distance {:.6g}",
                                  config.budget, value.size(), low, high, gradients.h.square(value[center])));
}

}  // namespace crc::select
