#include "crc/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "crc/checkpoint.h"
#include "crc/estimate.h"
#include "crc/quotas.h"
#include "kernels/core/random.h"

namespace crc::select {
namespace {

struct Bound {
  double gain, draw;  // equal gains: the larger draw first
  int64_t place;      // in the pool
  int64_t picks;      // how many there were when the gain was true
  bool operator<(const Bound& other) const { return gain != other.gain ? gain < other.gain : draw < other.draw; }
};

// How well the pool is covered so far.
class Covered {
 public:
  Covered(Context& context, const PoolBlocks& pool, Pairing pairing, const std::vector<double>& weights)
      : pool_(pool),
        pairs_(context, pool, pairing),
        host_weights_(weights),
        current_(context, {int64_t(pool.items().size())}, Dtype::f64, "coverage"),
        weights_(pairs_.own(weights)) {
    measured_ = !few_candidates() && pairs_.measure_now();
  }

  bool measured() const { return measured_; }  // gains cost next to nothing
  void add(std::span<const int64_t> places) { pairs_.add_most(current_, places); }
  void reset(const std::vector<double>& current) { current_ = pairs_.own(current); }
  std::vector<double> gains(std::span<const int64_t> places) const { return pairs_.gains(places, current_, weights_); }
  // The same, of many; `of` says which.
  std::vector<double> gains_of(std::span<const int64_t> places, const Config& config, const std::string& of) const {
    const auto at_once = size_t(pairs_.gains_at_once());
    std::vector<double> all = recalled(config, of);
    if (!all.empty()) say_goes_on(config, fmt::format("{} of {} {}", all.size(), places.size(), of));
    if (all.size() == places.size()) return all;
    for (size_t begin = all.size(); begin < places.size(); begin += at_once) {
      report(config.progress, "first gains", int64_t(begin), int64_t(places.size()));
      const std::vector<double> some = gains(places.subspan(begin, std::min(at_once, places.size() - begin)));
      all.insert(all.end(), some.begin(), some.end());
      keep_when_due(config, of, [&]() -> const std::vector<double>& { return all; });
    }
    keep(config, of, all);
    return all;
  }
  // Of the unlabelled items, in their order.
  std::vector<double> first_gains(const Config& config) const {
    const std::vector<int64_t>& unlabeled = pool_.index().unlabeled;
    if (measured_) return gains(unlabeled);
    if (few_candidates()) return gains_of(unlabeled, config, "first gains");
    std::vector<double> gains(unlabeled.size());
    const std::vector<double> all = pairs_.square_gains(current_, weights_, config);
    std::ranges::transform(unlabeled, gains.begin(), [&](int64_t place) { return all[size_t(place)]; });
    return gains;
  }
  // Of all rows of the pool [M], over some columns at a coverage [M] of before.
  std::vector<double> gains_over(std::span<const int64_t> places, std::span<const double> coverage) const {
    std::vector<double> own, weights;
    for (int64_t place : places) own.push_back(coverage[place]), weights.push_back(host_weights_[place]);
    return pairs_.gains_over(places, own, weights);
  }
  std::vector<double> current() const { return pairs_.all(current_); }

 private:
  // So few that measuring all pairs would be more than theirs.
  bool few_candidates() const { return 2 * int64_t(pool_.index().unlabeled.size()) < pool_.index().count(); }

  const PoolBlocks& pool_;
  PoolPairs pairs_;
  const std::vector<double>& host_weights_;
  Tensor current_, weights_;
  bool measured_;
};

double mean(std::span<const double> values, std::span<const double> weights) {
  double total = 0, weight = 0;
  for (size_t j = 0; j < values.size(); ++j) total += values[j] * weights[j], weight += weights[j];
  return weight > 0 ? total / weight : 0;
}

constexpr size_t kFirstAgain = 24, kMostAgain = 192;  // rows looked at again at once: twice as many with every look
constexpr double kSlack = 1e-10;                      // of sums, far above their rounding
constexpr size_t kManyAgain = 256;                    // rows looked at again are worth keeping their bounds

// Lazy greedy. Where bounds are loose, as in pools without structure, many rows are looked at again for a pick; then
// all bounds are lowered together by what the newly covered columns have lost, which are few.
class LazyGreedy {
 public:
  // Among the places `candidates`, whose gains are `first`; `of` names its picks.
  LazyGreedy(Covered& covered, const PoolIndex& pool, const Config& config, const std::string& of,
             std::span<const int64_t> candidates, const std::vector<double>& first)
      : covered_(covered),
        pool_(pool),
        config_(config),
        ties_(config.seed, config.round),
        bounds_name_("bounds of " + of),
        steps_(config, of, config.budget) {
    for (size_t k = 0; k < first.size(); ++k) add(first[k], candidates[k], 0);
    if (steps_.kept() > 0) go_on();
    current_ = lowered_ = covered.current();
    std::make_heap(heap_.begin(), heap_.end());
  }

  struct Pick {
    int64_t place;
    double gain;
  };
  Pick next() {
    const auto [place, gain] = steps_.next([&]() -> Steps<2>::Step {
      const Bound best = search();
      return {double(best.place), best.gain};
    });
    return {int64_t(place), gain};
  }

  bool empty() const { return heap_.empty() && !steps_.more(); }
  void drop(const std::function<bool(int64_t place)>& closed) {
    std::erase_if(heap_, [&](const Bound& bound) { return closed(bound.place); });
    std::make_heap(heap_.begin(), heap_.end());
  }

 private:
  void add(double gain, int64_t place, int64_t picks) {
    heap_.push_back({gain, ties_.draw(pool_.items[size_t(place)]), place, picks});
  }
  // With the picks that were kept. A bound of earlier is one now.
  void go_on() {
    const std::vector<double> kept = recalled(config_, bounds_name_);
    picks_ = lowered_at_ = int64_t(steps_.kept());
    if (!kept.empty() && kept[0] <= double(picks_)) {
      heap_.clear();
      for (size_t k = 1; k < kept.size(); k += 3) add(kept[k], int64_t(kept[k + 1]), int64_t(kept[k + 2]));
    }
    std::vector<bool> picked(pool_.items.size());
    std::vector<int64_t> centers;
    for (size_t k = 0; k < steps_.kept(); ++k) {
      const auto [place, gain] = steps_.at(k);
      picked[size_t(place)] = true;
      if (gain > 0) centers.push_back(int64_t(place));
    }
    std::erase_if(heap_, [&](const Bound& bound) { return picked[size_t(bound.place)]; });
    if (!centers.empty()) covered_.add(centers);
  }
  std::vector<double> bounds() const {
    std::vector<double> values{double(picks_)};
    for (const Bound& b : heap_) values.insert(values.end(), {b.gain, double(b.place), double(b.picks)});
    return values;
  }

  Bound search() {
    for (size_t again = kFirstAgain; heap_.front().picks != picks_ && heap_.front().gain > 0;
         again = std::min(2 * again, kMostAgain)) {
      if (looked_ > 2 * int64_t(changed_.size()) && !changed_.empty() && !covered_.measured()) lower();
      look_again(again);
    }
    const Bound best = pop();
    ++picks_;
    if (best.gain > 0) {
      covered_.add({&best.place, 1});
      current_ = covered_.current();
      changed_.clear();
      for (size_t j = 0; j < current_.size(); ++j)
        if (current_[j] != lowered_[j]) changed_.push_back(int64_t(j));
    }
    return best;
  }

  Bound pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    const Bound top = heap_.back();
    heap_.pop_back();
    return top;
  }
  void look_again(size_t most) {
    std::vector<Bound> renewed;
    std::vector<int64_t> places;
    while (renewed.size() < most && !heap_.empty() && heap_.front().picks != picks_) {
      renewed.push_back(pop());
      places.push_back(renewed.back().place);
    }
    const std::vector<double> gains = covered_.gains(places);
    for (size_t r = 0; r < renewed.size(); ++r) {
      renewed[r].gain = gains[r], renewed[r].picks = picks_;
      heap_.push_back(renewed[r]);
      std::push_heap(heap_.begin(), heap_.end());
    }
    looked_ += int64_t(places.size());
    if ((unkept_ += places.size()) < kManyAgain) return;
    keep_when_due(config_, bounds_name_, [&] { return bounds(); });
    unkept_ = 0;
  }
  // Bounds that are older than the last time: minus what the columns that changed since then have lost. They stay above
  // the true gains, which are always summed anew before a pick.
  void lower() {
    const std::vector<double> before = covered_.gains_over(changed_, lowered_),
                              after = covered_.gains_over(changed_, current_);
    for (Bound& bound : heap_)
      if (bound.picks <= lowered_at_) {
        const double lost = before[bound.place] - after[bound.place] - kSlack * (before[bound.place] + bound.gain);
        bound.gain = std::max(0.0, bound.gain - std::max(0.0, lost));
      }
    std::make_heap(heap_.begin(), heap_.end());
    lowered_ = current_, lowered_at_ = picks_, looked_ = 0;
    changed_.clear();
  }

  Covered& covered_;
  const PoolIndex& pool_;
  const Config& config_;
  Ties ties_;
  std::string bounds_name_;
  Steps<2> steps_;  // place, gain
  std::vector<Bound> heap_;
  size_t unkept_ = 0;
  std::vector<double> current_, lowered_;  // coverage now, and when all bounds were lowered
  std::vector<int64_t> changed_;           // where they differ
  int64_t picks_ = 0, lowered_at_ = 0, looked_ = 0;
};

// What the whole pool is cut for: parts of it, and the gains of their items there.
struct Parts {
  std::vector<std::vector<int64_t>> picks;  // of each part, places in the pool
  std::vector<double> first;                // of the unlabelled items, within their parts
};

Parts pick_in_parts(Context& context, const PoolBlocks& pool, const Problem& problem, const Config& config,
                    const Pairing& pairing, const std::vector<double>& weights) {
  const std::vector<int64_t>& all = pool.index().items;
  const auto place_of = [&](int64_t item) { return std::ranges::lower_bound(all, item) - all.begin(); };
  const int64_t count = config.partitions;
  std::vector<std::vector<int64_t>> items{size_t(count)}, at{size_t(count)};
  for (size_t k = 0; k < problem.unlabeled.size(); ++k) {
    Draws draws(config.seed, Purpose::group_shuffle, problem.unlabeled[k], config.round);
    const size_t part = draws.below(uint32_t(count));
    items[part].push_back(problem.unlabeled[k]), at[part].push_back(int64_t(k));
  }
  Parts parts{{}, std::vector<double>(problem.unlabeled.size())};
  for (int64_t part = 0; part < count; ++part) {
    report(config.progress, "parts", part, count);
    parts.picks.emplace_back();
    if (items[part].empty()) continue;
    Problem own = problem;
    own.unlabeled = items[part], own.weights = {};  // they are in `weights`
    Config whole = config;
    whole.partitions = 1, whole.budget = std::min(config.budget, int64_t(items[part].size()));
    whole.say = {}, whole.checkpoint = nullptr;
    // Gains of its items, then places of its picks.
    const std::vector<double> found = completed(config, fmt::format("part {} of {}", part + 1, count), [&] {
      const PoolBlocks rows(context, own, whole, {.scaling = pool.scaling(), .chunks = true});
      std::vector<double> of_part;
      for (int64_t item : rows.index().items) of_part.push_back(weights[place_of(item)]);
      const Selection picked = greedy_coverage(context, rows, own, whole, pairing, std::move(of_part));
      std::vector<double> numbers = picked.scores;
      for (const Group& group : picked.groups)
        if (group.score > 0) numbers.push_back(double(place_of(group.items[0])));
      return numbers;
    });
    const size_t size = at[part].size();
    for (size_t k = 0; k < size; ++k) parts.first[size_t(at[part][k])] = found[k];
    parts.picks.back().assign(found.begin() + int64_t(size), found.end());
  }
  return parts;
}

// RandGreeDi (coverage.h).
Selection partitioned_coverage(Context& context, const PoolBlocks& rows, const Problem& problem, const Config& config,
                               const Pairing& pairing, const std::vector<double>& weights) {
  Parts parts = pick_in_parts(context, rows, problem, config, pairing, weights);
  const PoolIndex& pool = rows.index();
  Covered covered(context, rows, pairing, weights);
  if (!pool.labeled.empty()) covered.add(pool.labeled);
  const std::vector<double> base = covered.current();
  std::vector<int64_t> together, best_part;
  double best_mean = -1;
  for (const std::vector<int64_t>& picks : parts.picks) {
    report(config.progress, "parts against the pool", &picks - parts.picks.data(), int64_t(parts.picks.size()));
    together.insert(together.end(), picks.begin(), picks.end());
    covered.reset(base);
    if (!picks.empty()) covered.add(picks);
    if (const double part = mean(covered.current(), weights); part > best_mean) best_mean = part, best_part = picks;
  }
  const Ties ties(config.seed, config.round);
  const auto pick_among = [&](const std::vector<int64_t>& candidates, const std::string& of) {
    covered.reset(base);
    const std::vector<double> first = covered.gains_of(candidates, config, "gains of " + of);
    LazyGreedy greedy(covered, pool, config, "picks among " + of, candidates, first);
    std::vector<LazyGreedy::Pick> picked;
    while (int64_t(picked.size()) < config.budget && !greedy.empty()) {
      report(config.progress, "picks among candidates", int64_t(picked.size()), config.budget);
      picked.push_back(greedy.next());
    }
    return picked;
  };
  std::vector<LazyGreedy::Pick> picked = pick_among(together, "the parts' picks");
  if (mean(covered.current(), weights) < best_mean) picked = pick_among(best_part, "the best part's picks");
  Picks picks(problem, config, std::move(parts.first));
  std::vector<bool> taken(pool.items.size());
  for (const auto& [place, gain] : picked) {
    picks.add(pool.items[place], gain, !(gain > 0));
    taken[place] = true;
  }
  const std::vector<double> none(pool.unlabeled.size());
  const Known known(pool, problem.labeled);
  while (!picks.complete()) {  // all parts are covered
    const int64_t place = best_place(pool, pool.unlabeled, none, taken, known, ties);
    picks.add(pool.items[place], 0, true);
    taken[place] = true;
  }
  picks.are_gains();
  return picks.finish(fmt::format(
      "{}: {} of {} items in {} parts; mean coverage {:.6g} at first, {:.6g} with all picks", config.name,
      config.budget, pool.unlabeled.size(), config.partitions, mean(base, weights), mean(covered.current(), weights)));
}

}  // namespace

Selection greedy_coverage(Context& context, const PoolBlocks& rows, const Problem& problem, const Config& config,
                          Pairing pairing, std::vector<double> weights) {
  const PoolIndex& pool = rows.index();
  const std::vector<double> counts = weights_of(problem, pool.items);
  for (size_t j = 0; j < weights.size(); ++j) weights[j] *= counts[j];
  const double m = double(pool.count()), parts = double(config.partitions);
  say_estimate(context, rows, config, pairing,
               {square_pairs(rows) / parts + (parts > 1 ? 2 * m * parts * double(config.budget) : 0),
                "pairs for the first gains", 1});
  if (config.partitions > 1) return partitioned_coverage(context, rows, problem, config, pairing, weights);
  Covered covered(context, rows, pairing, weights);
  if (!pool.labeled.empty()) covered.add(pool.labeled);
  const double before = mean(covered.current(), weights);
  std::vector<double> first = covered.first_gains(config);
  LazyGreedy greedy(covered, pool, config, "picks", pool.unlabeled, first);
  Picks picks(problem, config, std::move(first));
  Quotas quotas(config);
  while (!picks.complete()) {
    const auto [place, gain] = greedy.next();
    picks.add(pool.items[place], gain, !(gain > 0));
    if (quotas.take(pool.items[place])) greedy.drop([&](int64_t k) { return quotas.full(pool.items[k]); });
  }
  picks.are_gains();
  return picks.finish(fmt::format("{}: {} of {} items; mean coverage {:.6g} at first, {:.6g} with all picks",
                                  config.name, config.budget, pool.unlabeled.size(), before,
                                  mean(covered.current(), weights)));
}

}  // namespace crc::select
