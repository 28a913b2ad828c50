// GALAXY (Zhang, Katz-Samuels & Nowak 2022, jifanz/GALAXY): for each class k the pool in a line by
//   delta_k = p_k - max_c p_c,
// largest first, equal ones by max_c p_c, then by draw. For each pick a class is drawn, and on its line, where an item
// is a member if its label is k,
//   1. of the runs of unlabelled items between a labelled member and a labelled other the shortest is halved: its
//      middle is picked (the lower one; of equal runs the first);
//   2. if there is none, the unlabelled item nearest to a cut is: whose farther one of the nearest labelled member and
//      the nearest labelled other is nearest (the first of equals): the paper's graph of the smallest order that
//      connects the two through an unlabelled item;
//   3. if only members or only others are labelled, an item is drawn.
// The authors' loop knows every label before the next pick; in a query that is answered as a whole a pick counts with
// the model's label until the answer comes. With a budget of 1 that is their algorithm. Logits of labelled items are
// needed too. The scores, for the log, are minus the margin p_1 - p_2; groups hold the same of the picks.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "crc/ties.h"
#include "crc/uncertainty.h"
#include "kernels/core/host_softmax.h"
#include "kernels/core/random.h"

namespace crc::select {
namespace {

constexpr int32_t kUnknown = -1;

// The lines of all classes over the pool. Places count labelled and unlabelled items in the order of their ids.
class Lines {
 public:
  Lines(Context& context, const Problem& problem, const Config& config)
      : logits_(read_logits(context, problem, config, problem.labeled)) {
    const Ties ties(config.seed, config.round);
    std::ranges::merge(problem.labeled, problem.unlabeled, std::back_inserter(items));
    for (int64_t item : items) {
      const std::vector<double> row = logits_[item];
      softmax_.emplace_back(std::span<const double>(row));
      draw_.push_back(ties.draw(item));
    }
  }
  int64_t classes() const { return logits_.classes(); }
  int64_t place(int64_t item) const { return std::ranges::lower_bound(items, item) - items.begin(); }
  int32_t predicted(int64_t place) const { return int32_t(softmax_[size_t(place)].argmax()); }
  double draw(int64_t place) const { return draw_[size_t(place)]; }

  const std::vector<int32_t>& of_class(int64_t k) {
    std::vector<int32_t>& line = lines_[k];
    if (!line.empty()) return line;
    std::vector<double> delta;
    for (size_t j = 0; j < items.size(); ++j)
      delta.push_back(softmax_[j].p(logits_[items[j]][size_t(k)]) - softmax_[j].largest());
    line.resize(items.size());
    std::iota(line.begin(), line.end(), 0);
    std::ranges::sort(line, [&](int32_t a, int32_t b) {
      if (delta[size_t(a)] != delta[size_t(b)]) return delta[size_t(a)] > delta[size_t(b)];
      const double p = softmax_[size_t(a)].largest(), q = softmax_[size_t(b)].largest();
      return p != q ? p > q : draw_[size_t(a)] > draw_[size_t(b)];
    });
    return line;
  }
  double minus_margin(int64_t place) const {
    std::vector<double> p = softmax(logits_[items[size_t(place)]]);
    std::ranges::partial_sort(p, p.begin() + 2, std::greater<>());
    return p[1] - p[0];
  }

  std::vector<int64_t> items;  // [M] ids

 private:
  Logits logits_;
  std::vector<HostSoftmax> softmax_;
  std::vector<double> draw_;
  std::map<int64_t, std::vector<int32_t>> lines_;  // of the classes that were drawn
};

// Position on the line of rule 1; -1: none. labels [M] by place.
int64_t middle_of_shortest(const std::vector<int32_t>& line, const std::vector<int32_t>& labels, int64_t k) {
  int64_t last = -1, best = -1, shortest = INT64_MAX;
  for (int64_t i = 0; i < int64_t(line.size()); ++i) {
    const int32_t label = labels[size_t(line[size_t(i)])];
    if (label == kUnknown) continue;
    const int64_t run = i - last - 1;
    if (last >= 0 && run > 0 && run < shortest && (label == k) != (labels[size_t(line[size_t(last)])] == k))
      best = (last + i) / 2, shortest = run;
    last = i;
  }
  return best;
}

// Of rule 2.
int64_t nearest_to_cut(const std::vector<int32_t>& line, const std::vector<int32_t>& labels, int64_t k) {
  const int64_t n = int64_t(line.size());
  std::vector<int64_t> member(size_t(n), n), other(size_t(n), n);  // distances
  const auto sweep = [&](int64_t begin, int64_t step) {
    int64_t since_member = n, since_other = n;
    for (int64_t i = begin; i >= 0 && i < n; i += step) {
      const int32_t label = labels[size_t(line[size_t(i)])];
      since_member = label == k ? 0 : std::min(n, since_member + 1);
      since_other = label != kUnknown && label != k ? 0 : std::min(n, since_other + 1);
      member[size_t(i)] = std::min(member[size_t(i)], since_member);
      other[size_t(i)] = std::min(other[size_t(i)], since_other);
    }
  };
  sweep(0, 1);
  sweep(n - 1, -1);
  int64_t best = -1, nearest = n;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t distance = std::max(member[size_t(i)], other[size_t(i)]);
    if (labels[size_t(line[size_t(i)])] == kUnknown && distance < nearest) best = i, nearest = distance;
  }
  return best;
}

}  // namespace

Selection select_galaxy(Context& context, const Problem& problem, const Config& config) {
  const std::span<const int32_t> given = needed_labels(problem, config);
  Lines lines(context, problem, config);
  std::vector<int32_t> labels(lines.items.size(), kUnknown);
  for (size_t k = 0; k < given.size(); ++k) labels[size_t(lines.place(problem.labeled[k]))] = given[k];
  constexpr int64_t kOfNoItem = -1;
  Draws draws(config.seed, Purpose::acquisition, kOfNoItem, config.round);
  Selection selection;
  selection.candidates.assign(problem.unlabeled.begin(), problem.unlabeled.end());
  for (int64_t item : problem.unlabeled) selection.scores.push_back(lines.minus_margin(lines.place(item)));
  int64_t halved = 0, drawn = 0;
  while (int64_t(selection.picks.size()) < config.budget) {
    const int64_t k = draws.below(uint32_t(lines.classes()));
    const std::vector<int32_t>& line = lines.of_class(k);
    int64_t at = middle_of_shortest(line, labels, k);
    halved += at >= 0;
    if (at < 0) at = nearest_to_cut(line, labels, k);
    int64_t place = at < 0 ? -1 : line[size_t(at)];
    if (at < 0) {
      ++drawn;
      for (int64_t j = 0; j < int64_t(labels.size()); ++j)
        if (labels[size_t(j)] == kUnknown && (place < 0 || lines.draw(j) > lines.draw(place))) place = j;
    }
    labels[size_t(place)] = lines.predicted(place);
    selection.picks.push_back(lines.items[size_t(place)]);
    selection.groups.push_back({{lines.items[size_t(place)]}, lines.minus_margin(place)});
    report(config.progress, "picks", int64_t(selection.picks.size()), config.budget);
  }
  if (drawn > 0)
    selection.warnings.push_back(
        fmt::format("{} of {} picks are drawn at random (seed {}, round {}) among {} candidates: on the line of their "
                    "class all labels were on one side",
                    drawn, config.budget, config.seed, config.round, problem.unlabeled.size()));
  selection.summary = fmt::format(
      "galaxy: {} of {} items; {} halve a run between two labels, {} are next to a cut, {} "
      "drawn",
      config.budget, problem.unlabeled.size(), halved, config.budget - halved - drawn, drawn);
  return selection;
}

}  // namespace crc::select
