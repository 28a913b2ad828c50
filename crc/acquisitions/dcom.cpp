// DCoM (Mishal & Weinshall 2024, avihu111/TypiClust): ProbCover while the model knows little, margin once it knows
// much. Features of unit length, open balls.
// - Radius of a labelled item x: the largest delta <= delta_max at which a share tau of its ball has the label of x; the
//   others are taken at the label that the model gives them, labelled ones at their own.
//     tau = 0.2 O_max + 0.4, O_max: what balls of delta_max around the labelled items cover of the pool.
//   delta_max is ProbCover's radius (crc/cover_radius.h).
// - Competence, with O the coverage by those balls, to three decimals as the authors round it:
//     S(O) = (1 + exp(-k (1 - a))) / (1 + exp(-k (O - a))),   a = 0.9, k = 30 (their code's defaults: 0.8 and 50).
// - The next pick is the largest S u + (1 - S) r. r: how many uncovered items the ball of the mean radius of L around
//   it holds; u: 1 - (p_1 - p_2) of the two likeliest classes, less the smallest of the pool; both divided by the
//   largest that is left. Picks cover with the mean radius.
// Without labels S is 0 and the radius delta_max: ProbCover, and neither labels nor logits are needed. Not as in the
// authors' code: radii are exact where they bisect, and found anew for all labelled items in every round, where theirs
// keep those of earlier rounds. Scores are multiples of 2^-32.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "crc/checkpoint.h"
#include "crc/cover_radius.h"
#include "crc/picker.h"
#include "crc/pool_pairs.h"
#include "crc/uncertainty.h"

namespace crc::select {
namespace {

double competence(double coverage) {
  constexpr double kCentre = 0.9, kSteepness = 30;
  const double s = (1 + std::exp(-kSteepness * (1 - kCentre))) / (1 + std::exp(-kSteepness * (coverage - kCentre)));
  return std::round(s * 1000) / 1000;
}

double share(const std::vector<double>& covered) {
  return std::accumulate(covered.begin(), covered.end(), 0.0) / double(covered.size());
}

// Items of the pool within balls: 1 or 0. Of all items [M], in every process.
class Balls {
 public:
  Balls(Context& context, const PoolBlocks& pool) : context_(context), pool_(pool) {}

  std::vector<double> squared_distances(int64_t place) const {
    const Tensor row = pool_.at({&place, 1});
    std::vector<double> own;
    pool_.each([&](int64_t, View<const float, 2> rows) {
      const int64_t n = rows.shape[0];
      const Tensor squared(context_, {n, 1}, Dtype::f64, "squared distances"),
          places(context_, {n, 1}, Dtype::i64, "places");
      pairwise_least(context_, squared.view<double, 2>(), places.view<int64_t, 2>(), rows, row.view<const float, 2>(),
                     Pairing{});
      const std::vector<double> values = squared.to_host<double>(context_);
      own.insert(own.end(), values.begin(), values.end());
    });
    return pool_.ranks().gather(std::span<const double>(own));
  }
  std::vector<double> covered(std::span<const int64_t> centers, double radius) const {
    const PoolPairs pairs(context_, pool_, {Measure::top_hat, radius});
    const Tensor most(context_, {int64_t(pool_.items().size())}, Dtype::f64, "coverage");
    pairs.add_most(most, centers);
    return pairs.all(most);
  }
  // Of each row of the pool: how many of `places` are in its ball. Those rows pass by; counts do not depend on an order.
  // `config`: kept on their way.
  std::vector<double> counts(std::span<const int64_t> places, double radius, const Config& config = {}) const {
    constexpr const char* kName = "rows for counts within balls";
    std::vector<double> own(pool_.items().size(), 0.0);
    if (!(radius > 0)) return std::vector<double>(size_t(pool_.index().count()), 0.0);
    int64_t met = 0;
    if (const std::vector<double> kept = recalled(config, kName); !kept.empty()) {
      met = int64_t(kept[0]);
      std::copy_n(kept.begin() + 1 + pool_.first(), own.size(), own.begin());
      say_goes_on(config, fmt::format("{} of {} {}", met, places.size(), kName));
    }
    const int64_t begun = met;
    const auto so_far = [&] {
      std::vector<double> values{double(met)};
      const std::vector<double> all = pool_.ranks().gather(std::span<const double>(own));
      values.insert(values.end(), all.begin(), all.end());
      return values;
    };
    pool_.stream(pool_.index().items_at(places.subspan(size_t(met))), [&](int64_t, View<const float, 2> columns) {
      const int64_t k = columns.shape[0];
      const std::vector<double> ones(size_t(k), 1.0);
      const Tensor none(context_, {k}, Dtype::f64, "coverage"),
          weights = Tensor::from_host(context_, {k}, ones.data(), "weights");
      pool_.each([&](int64_t begin, View<const float, 2> rows) {
        const Tensor gain(context_, {rows.shape[0]}, Dtype::f64, "counts");
        pairwise_gain(context_, gain.view<double, 1>(), rows, columns, none.view<const double, 1>(),
                      weights.view<const double, 1>(), Pairing{Measure::top_hat, radius});
        const std::vector<double> more = gain.to_host<double>(context_);
        for (size_t i = 0; i < more.size(); ++i) own[size_t(begin) + i] += more[i];
      });
      met += k;
      keep_when_due(config, kName, so_far);
    });
    if (config.checkpoint && met > begun) keep(config, kName, so_far());
    return pool_.ranks().gather(std::span<const double>(own));
  }

 private:
  Context& context_;
  const PoolBlocks& pool_;
};

// The square of the largest radius, up to that of `most`, at which a share tau has the label of the ball's centre.
double largest_pure(std::span<const double> squared, std::span<const int32_t> labels, int32_t label, double most,
                    double tau) {
  std::vector<int64_t> order;
  for (int64_t j = 0; j < int64_t(squared.size()); ++j)
    if (squared[size_t(j)] < most) order.push_back(j);
  std::ranges::sort(order, std::less<>(), [&](int64_t j) { return squared[size_t(j)]; });
  double largest = 0;
  int64_t same = 0;
  for (size_t k = 0; k < order.size(); ++k) {
    same += labels[size_t(order[k])] == label;
    const double next = k + 1 < order.size() ? squared[size_t(order[k + 1])] : most;
    if (next > squared[size_t(order[k])] && double(same) >= tau * double(k + 1)) largest = next;
  }
  return largest;
}

// What the labelled items cover, and with which radius on average.
struct LabeledBalls {
  std::vector<double> covered;
  double radius;
};
LabeledBalls balls_of_labeled(const Balls& balls, const PoolIndex& pool, const Problem& problem,
                              std::span<const int32_t> labels, double most, const Config& config) {
  constexpr const char* kName = "balls of labelled items";
  LabeledBalls known{balls.covered(pool.labeled, most), 0};
  const double tau = 0.2 * share(known.covered) + 0.4;
  std::ranges::fill(known.covered, 0.0);
  size_t k = 0;
  if (const std::vector<double> kept = recalled(config, kName); !kept.empty()) {
    k = size_t(kept[0]), known.radius = kept[1];
    known.covered.assign(kept.begin() + 2, kept.end());
    say_goes_on(config, fmt::format("{} of {} {}", k, pool.labeled.size(), kName));
  }
  const size_t begun = k;
  const auto so_far = [&] {
    std::vector<double> values{double(k), known.radius};
    values.insert(values.end(), known.covered.begin(), known.covered.end());
    return values;
  };
  while (k < pool.labeled.size()) {
    const std::vector<double> squared = balls.squared_distances(pool.labeled[k]);
    const double radius = largest_pure(squared, labels, problem.labels[k], most * most, tau);
    for (size_t j = 0; j < squared.size(); ++j)
      if (squared[j] < radius) known.covered[j] = 1;
    known.radius += std::sqrt(radius) / double(pool.labeled.size());
    ++k;
    keep_when_due(config, kName, so_far);
  }
  if (config.checkpoint && k > begun) keep(config, kName, so_far());
  known.radius *= 1 - 0x1p-40;  // the ball is open: what is at the mean stays outside, however that rounds
  return known;
}

// Of each item of the pool, its own or the model's; and u of the unlabelled ones.
struct Predictions {
  std::vector<int32_t> labels;
  std::vector<double> uncertainties;
};
Predictions predictions(Context& context, const PoolIndex& pool, const Problem& problem, const Config& config) {
  Predictions all{std::vector<int32_t>(size_t(pool.count()), 0), std::vector<double>(pool.unlabeled.size(), 0.0)};
  if (pool.labeled.empty()) return all;
  const std::span<const int32_t> given = needed_labels(problem, config);
  for (size_t k = 0; k < given.size(); ++k) all.labels[size_t(pool.labeled[k])] = given[k];
  const auto of_rows = [&](const std::function<double(std::vector<double>)>& f) {
    return from_logits(context, problem, config, problem.unlabeled,
                       [&](std::vector<double> row) { return f(softmax(std::move(row))); });
  };
  const std::vector<double> predicted =
      of_rows([](std::vector<double> p) { return double(std::ranges::max_element(p) - p.begin()); });
  for (size_t k = 0; k < predicted.size(); ++k) all.labels[size_t(pool.unlabeled[k])] = int32_t(predicted[k]);
  all.uncertainties = of_rows(margin_uncertainty);
  const double least = std::ranges::min(all.uncertainties);
  for (double& u : all.uncertainties) u -= least;
  return all;
}

}  // namespace

Selection select_dcom(Context& context, const Problem& problem, const Config& config) {
  const PoolBlocks rows(context, problem, config, {.scaling = Scaling::unit, .chunks = true});
  const PoolIndex& pool = rows.index();
  Predictions model = predictions(context, pool, problem, config);
  const Balls balls(context, rows);
  const double most = cover_radius(context, rows, problem, config);
  LabeledBalls known{std::vector<double>(size_t(pool.count()), 0.0), most};
  if (!pool.labeled.empty()) known = balls_of_labeled(balls, pool, problem, model.labels, most, config);
  const double coverage = share(known.covered), s = competence(coverage);
  std::vector<int64_t> open;  // places that nothing covers yet
  for (int64_t j = 0; j < pool.count(); ++j)
    if (known.covered[size_t(j)] == 0) open.push_back(j);
  std::vector<double> counts = balls.counts(open, known.radius, config), values(pool.unlabeled.size());
  const auto value_all = [&] {
    double most_r = 0;
    for (int64_t place : pool.unlabeled) most_r = std::max(most_r, counts[size_t(place)]);
    const double most_u = std::ranges::max(model.uncertainties);
    const auto of = [](double value, double largest) { return largest > 0 ? value / largest : 0; };
    for (size_t k = 0; k < values.size(); ++k)
      values[k] =
          in_steps(s * of(model.uncertainties[k], most_u) + (1 - s) * of(counts[size_t(pool.unlabeled[k])], most_r));
  };
  value_all();
  Picker picker(pool, problem, config, values);
  // Picks, and what they left: their number, place and value of each, all counts, what is open.
  std::vector<double> taken;
  const auto take = [&](int64_t place, double value) {
    picker.take(place, value, !(value > 0));
    taken.insert(taken.end(), {double(place), value});
    const auto k = std::ranges::lower_bound(pool.unlabeled, place) - pool.unlabeled.begin();
    model.uncertainties[size_t(k)] = 0;  // and its count is: its ball is covered
  };
  if (const std::vector<double> kept = recalled(config, "picks"); !kept.empty()) {
    const auto n = int64_t(kept[0]);
    for (int64_t k = 0; k < n; ++k) take(int64_t(kept[size_t(1 + 2 * k)]), kept[size_t(2 + 2 * k)]);
    const auto rest = kept.begin() + 1 + 2 * n, opened = rest + int64_t(counts.size());
    counts.assign(rest, opened), open.assign(opened, kept.end());
    value_all();
    say_goes_on(config, fmt::format("{} of {} picks", n, config.budget));
  }
  while (true) {
    const int64_t best = picker.best(pool.unlabeled, values);
    take(best, values[size_t(std::ranges::lower_bound(pool.unlabeled, best) - pool.unlabeled.begin())]);
    if (picker.complete()) break;
    const std::vector<double> squared = balls.squared_distances(best);
    const auto inside = [&](int64_t j) { return squared[size_t(j)] < known.radius * known.radius; };
    std::vector<int64_t> covered;
    std::ranges::copy_if(open, std::back_inserter(covered), inside);
    std::erase_if(open, inside);
    const std::vector<double> lost = balls.counts(covered, known.radius);
    for (size_t j = 0; j < counts.size(); ++j) counts[j] -= lost[j];
    value_all();
    keep_when_due(config, "picks", [&] {
      std::vector<double> state{double(taken.size() / 2)};
      for (const auto& some : {taken, counts, std::vector<double>(open.begin(), open.end())})
        state.insert(state.end(), some.begin(), some.end());
      return state;
    });
  }
  return picker.finish(
      fmt::format("dcom: {} of {} items; the labelled cover {:.4g} of the pool with a mean radius of "
                  "{:.4g}: competence {:.3f}",
                  config.budget, pool.unlabeled.size(), coverage, known.radius, s));
}

}  // namespace crc::select
