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
#include <utility>

#include "crc/checkpoint.h"
#include "crc/k_means.h"
#include "crc/pool_blocks.h"
#include "crc/uncertainty.h"
#include "kernels/ops/outer_distance.h"

namespace crc::select {
namespace {

// e_y - p of a row of logits, appended.
void add_cotangent(std::vector<double> logits, std::vector<float>& deltas) {
  const std::vector<double> p = softmax(std::move(logits));
  const auto label = size_t(std::ranges::max_element(p) - p.begin());
  for (size_t c = 0; c < p.size(); ++c) deltas.push_back(float((c == label ? 1.0 : 0.0) - p[c]));
}

// Of the unlabelled items that this process holds [own,C].
SharedRows cotangents(Context& context, const Problem& problem, const Config& config) {
  std::vector<float> deltas;
  int64_t classes = 0, own = int64_t(problem.unlabeled.size());
  if (problem.shards) {
    const ShardedRows& logits = sharded_logits(problem, config);
    classes = logits.columns(), own = int64_t(logits.own(problem.unlabeled).size());
    deltas.reserve(size_t(own * classes));
    logits.each_block<double>(logits.own(problem.unlabeled), [&](auto, std::span<const double> rows) {
      for (auto row = rows.begin(); row != rows.end(); row += classes) add_cotangent({row, row + classes}, deltas);
    });
  } else {
    const Logits logits = read_logits(context, problem, config);
    classes = logits.classes();
    deltas.reserve(size_t(own * classes));
    for (int64_t item : problem.unlabeled) add_cotangent(logits[item], deltas);
  }
  return {context, std::move(deltas), own, classes, "cotangents"};
}

// The gradients of the pool as outer products, row by row in the order of problem.unlabeled: those of this process.
class Gradients {
 public:
  Gradients(Context& context, const Problem& problem, const Config& config)
      : context_(context),
        problem_(problem),
        config_(config),
        h_(context, without_labels(problem), config),
        delta_(cotangents(context, problem, config)),
        squared_(context, {own()}, Dtype::f64, "squared norms") {
    const std::vector<double> far(size_t(own()), INFINITY);
    nearest_ = Tensor::from_host(context, {own()}, far.data(), "squared distances");
    each([&](int64_t begin, int64_t end, View<const float, 2> h) {
      outer_norms(context, squared_.view<double, 1>().slice(begin, end), delta_.view().slice(begin, end), h);
    });
  }
  int64_t own() const { return int64_t(h_.items().size()); }
  int64_t first() const { return h_.first(); }
  Ranks& ranks() const { return h_.ranks(); }
  double square(double value) const { return h_.square(value); }
  std::vector<double> squared() const { return squared_.to_host<double>(context_); }

  // Distances to the nearest centre, once the items of these numbers are centres too.
  std::vector<double> approach(std::span<const int64_t> centers) const {
    if (h_.whole()) {
      for (int64_t c : centers)
        step(squared_.view<const double, 1>().slice(c, c + 1), delta_.view().slice(c, c + 1),
             h_.whole()->rows().slice(c, c + 1));
      return nearest_.to_host<double>(context_);
    }
    std::vector<int64_t> items;
    for (int64_t c : centers) items.push_back(problem_.unlabeled[size_t(c)]);
    const ShardedRows& logits = sharded_logits(problem_, config_);
    const std::vector<double> rows = logits.everywhere<double>(items);
    std::vector<float> deltas;
    for (auto row = rows.begin(); row != rows.end(); row += logits.columns())
      add_cotangent({row, row + logits.columns()}, deltas);
    const int64_t k = int64_t(items.size());
    const Tensor h = h_.rows(items),
                 d = Tensor::from_host(context_, {k, logits.columns()}, deltas.data(), "cotangents"),
                 squared(context_, {k}, Dtype::f64, "squared norms");
    outer_norms(context_, squared.view<double, 1>(), d.view<const float, 2>(), h.view<const float, 2>());
    step(squared.view<const double, 1>(), d.view<const float, 2>(), h.view<const float, 2>());
    return nearest_.to_host<double>(context_);
  }

 private:
  // f(begin, end, features of the rows [begin,end))
  template <class F> void each(const F& f) const {
    h_.each([&](int64_t begin, View<const float, 2> rows) {
      f(begin, begin + rows.shape[0], rows);
      context_.synchronize();
    });
  }
  void step(View<const double, 1> squared, View<const float, 2> delta, View<const float, 2> h) const {
    each([&](int64_t begin, int64_t end, View<const float, 2> rows) {
      for (int64_t k = 0; k < squared.size(); ++k)
        min_outer_distance(context_, nearest_.view<double, 1>().slice(begin, end),
                           squared_.view<const double, 1>().slice(begin, end), delta_.view().slice(begin, end), rows,
                           squared.slice(k, k + 1), delta.slice(k, k + 1), h.slice(k, k + 1));
    });
  }

  Context& context_;
  const Problem& problem_;
  const Config& config_;
  PoolBlocks h_;
  SharedRows delta_;
  Tensor squared_, nearest_;  // norms; distances to the nearest centre
};

}  // namespace

Selection select_badge(Context& context, const Problem& problem, const Config& config) {
  const Gradients gradients(context, problem, config);
  Ranks& ranks = gradients.ranks();
  const int64_t first = gradients.first(), own = gradients.own();
  const std::vector<double> weights = weights_of(problem, problem.unlabeled);
  std::vector<double> value = gradients.squared(), scores, counts;  // value: of this process's items
  const auto weigh = [&] {
    for (size_t k = 0; k < value.size(); ++k) value[k] *= weights[size_t(first) + k];
  };
  const auto value_of = [&](int64_t center) {
    double of_all[] = {center >= first && center < first + own ? value[size_t(center - first)] : 0};
    ranks.sum(of_all);
    return of_all[0];
  };
  weigh();
  scores = ranks.gather(std::span<const double>(value));
  std::vector<bool> picked(scores.size(), false);
  const Ties ties(config.seed, config.round);
  int64_t center = ties.largest(scores, picked, problem.unlabeled);
  for (double& v : scores) v = gradients.square(v);
  for (double w : weights) counts.push_back(w > 0);
  const auto [low, high] = std::ranges::minmax(scores);
  Picks picks(problem, config, std::move(scores));
  Draws draws(config.seed, Purpose::acquisition, 0, config.round);
  bool drawn = false;
  double last = value_of(center);
  Steps<3> steps(config, "picks after the first", config.budget - 1);
  std::vector<int64_t> met;  // centres that the rows have not met
  while (true) {
    picked[size_t(center)] = true;
    picks.add(problem.unlabeled[size_t(center)], gradients.square(last), drawn);
    if (picks.complete()) break;
    met.push_back(center);
    if (steps.more()) draws.uniform53();  // that it was drawn by
    const auto [next, of_next, by_chance] = steps.next([&]() -> Steps<3>::Step {
      value = gradients.approach(std::exchange(met, {}));
      weigh();
      const int64_t found = draw_place(ranks, first, value, draws);
      const int64_t place = found < 0 ? ties.largest(counts, picked, problem.unlabeled) : found;
      return {double(place), value_of(place), double(found < 0)};
    });
    center = int64_t(next), last = of_next, drawn = by_chance != 0;
  }
  return picks.finish(fmt::format("badge: {} of {} items; squared gradients {:.6g} to {:.6g}, last distance {:.6g}",
                                  config.budget, problem.unlabeled.size(), low, high, gradients.square(last)));
}

}  // namespace crc::select
