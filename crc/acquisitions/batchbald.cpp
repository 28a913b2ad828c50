// BatchBALD (Kirsch, van Amersfoort & Gal 2019, BlackHC/batchbald_redux): the batch whose labels together tell most
// about the model, greedily. The next item adds to the picks A
//   I(y_x; w | y_A) = H(y_x | y_A) - 1/S sum_s H(p_s(x)),   p_s(x) = softmax(samples[s,x]),
//   H(y_x | y_A) = sum_m P(m) H(sum_s w_ms p_s(x)),   w_ms = P(pass s | labels m of A),
// over label configurations m of the picks: that is their joint entropy less H(y_A), by the chain rule. All C^|A|
// configurations while they are at most 4,096; beyond, S * ceil(4096 / S) of equal weight, as many from each pass, each
// label drawn from that pass's p_s by (seed, round, number of the configuration). A configuration keeps its labels as
// the batch grows. Weights are normalised label by label, so that no batch is too long for fp64.
// Gains are multiples of 2^-32, as bald's. Time: every pick looks at every item, |U| * configurations * S * C; memory:
// 4,096 * S numbers. Neither features nor logits play a part.
#include <fmt/format.h>

#include "crc/host_loop.h"
#include "crc/k_means.h"
#include "crc/samples.h"
#include "crc/ties.h"
#include "crc/uncertainty.h"
#include "kernels/ops/pairwise_tile.h"

namespace crc::select {
namespace {

constexpr int64_t kMostConfigurations = 4096;

// Labels that the picks so far may get: how probable, and what they would say of the passes.
class Configurations {
 public:
  Configurations(const Samples& samples, const Config& config)
      : samples_(samples),
        config_(config),
        passes_(samples.passes),
        weights_(size_t(passes_), 1 / double(passes_)),
        probabilities_{1.0} {}

  int64_t count() const { return int64_t(probabilities_.size()); }
  bool sampled() const { return !draws_.empty(); }

  // H(y_x | y_A), p [S,C] of x.
  double conditional_entropy(std::span<const double> p) const {
    const size_t classes = size_t(samples_.classes);
    std::vector<double> q(classes);
    double total = 0;
    for (size_t m = 0; m < probabilities_.size(); ++m) {
      std::ranges::fill(q, 0.0);
      for (size_t s = 0; s < size_t(passes_); ++s)
        for (size_t c = 0; c < classes; ++c) q[c] += weights_[m * size_t(passes_) + s] * p[s * classes + c];
      total += probabilities_[m] * entropy(q);
    }
    return total;
  }

  void add(int64_t item) {
    picks_.push_back(item);
    if (!sampled() && count() * samples_.classes > kMostConfigurations) return draw_all();
    const std::vector<double> p = samples_.probabilities(item);
    sampled() ? draw(p) : branch(p);
  }

 private:
  // Configuration m after one more label; its probability given the labels before.
  double learn(std::span<double> w, std::span<const double> p, size_t label) const {
    double total = 0;
    for (size_t s = 0; s < w.size(); ++s) total += w[s] * p[s * size_t(samples_.classes) + label];
    for (size_t s = 0; s < w.size() && total > 0; ++s) w[s] *= p[s * size_t(samples_.classes) + label] / total;
    return total;
  }
  std::span<double> weights_of(size_t m) { return std::span(weights_).subspan(m * size_t(passes_), size_t(passes_)); }

  void branch(std::span<const double> p) {
    std::vector<double> weights, probabilities;
    for (size_t m = 0; m < probabilities_.size(); ++m)
      for (size_t c = 0; c < size_t(samples_.classes); ++c) {
        std::vector<double> w(weights_of(m).begin(), weights_of(m).end());
        probabilities.push_back(probabilities_[m] * learn(w, p, c));
        weights.insert(weights.end(), w.begin(), w.end());
      }
    weights_ = std::move(weights), probabilities_ = std::move(probabilities);
  }
  void draw(std::span<const double> p) {
    const size_t classes = size_t(samples_.classes);
    for (size_t m = 0; m < probabilities_.size(); ++m) {
      const size_t pass = m % size_t(passes_);
      learn(weights_of(m), p, size_t(draw_place(p.subspan(pass * classes, classes), draws_[m])));
    }
  }
  void draw_all() {
    const int64_t configurations = passes_ * ((kMostConfigurations + passes_ - 1) / passes_);
    for (int64_t m = 0; m < configurations; ++m)  // numbers of no item
      draws_.emplace_back(config_.seed, Purpose::acquisition, -2 - m, config_.round);
    probabilities_.assign(size_t(configurations), 1 / double(configurations));
    weights_.assign(size_t(configurations * passes_), 1 / double(passes_));
    for (int64_t item : picks_) draw(samples_.probabilities(item));
  }

  const Samples& samples_;
  const Config& config_;
  int64_t passes_;
  std::vector<double> weights_, probabilities_;  // [M,S], [M]
  std::vector<Draws> draws_;                     // of sampled configurations
  std::vector<int64_t> picks_;
};

}  // namespace

Selection select_batchbald(Context& context, const Problem& problem, const Config& config) {
  const Samples samples = read_samples(context, problem, config);
  const size_t pool = problem.unlabeled.size();
  if (config.say)
    config.say(
        fmt::format("batchbald: {} picks, each of {} items against up to {} configurations of labels, {} passes "
                    "and {} classes",
                    config.budget, pool, kMostConfigurations, samples.passes, samples.classes));
  const Ties ties(config.seed, config.round);
  Configurations configurations(samples, config);
  std::vector<bool> taken(pool, false);
  std::vector<double> gains(pool);
  Selection selection;
  int64_t exact = 0;
  while (int64_t(selection.picks.size()) < config.budget) {
    exact += !configurations.sampled();
    each_on_host(context, int64_t(pool), [&](int64_t k) {
      if (taken[size_t(k)]) return;
      const std::vector<double> p = samples.probabilities(problem.unlabeled[size_t(k)]);
      gains[size_t(k)] = in_steps(configurations.conditional_entropy(p) - mean_entropy(p, samples.classes));
    });
    if (selection.picks.empty()) selection.scores = gains;
    const int64_t best = ties.largest(gains, taken, problem.unlabeled);
    taken[size_t(best)] = true;
    selection.picks.push_back(problem.unlabeled[size_t(best)]);
    selection.groups.push_back({{problem.unlabeled[size_t(best)]}, gains[size_t(best)]});
    report(config.progress, "picks", int64_t(selection.picks.size()), config.budget);
    configurations.add(problem.unlabeled[size_t(best)]);
  }
  warn_of_ties(selection, config);
  selection.candidates.assign(problem.unlabeled.begin(), problem.unlabeled.end());
  selection.summary = fmt::format(
      "batchbald: {} of {} items by {} passes; {} picks exact; information {:.6g} at first, {:.6g} at the "
      "last pick",
      config.budget, pool, samples.passes, exact, selection.groups.front().score, selection.groups.back().score);
  return selection;
}

}  // namespace crc::select
