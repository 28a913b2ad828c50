#include "crc/batch_mode.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "crc/candidates.h"

namespace crc::select {
namespace {

// Groups scored at a time: enough to fill any device, and 80 MB of members at G = 10.
constexpr int64_t kGroupsAtOnce = 1 << 20;
constexpr int64_t kMostCandidates = int64_t(1) << 40;

Groups given_groups(const Problem& problem, const Config& config) {
  Groups groups{config.group_size, config.given};
  if (groups.members.empty() || groups.members.size() % size_t(groups.size) != 0)
    fail(ExitCode::config, fmt::format("search \"given\": {} item ids are not a positive number of groups of {}",
                                       groups.members.size(), groups.size));
  for (int64_t k = 0; k < groups.count(); ++k) {
    const auto begin = groups.members.begin() + k * groups.size, end = begin + groups.size;
    std::sort(begin, end);
    if (std::adjacent_find(begin, end) != end)
      fail(ExitCode::config, fmt::format("candidate group {} holds item {} twice", k, *std::adjacent_find(begin, end)));
    for (int64_t item : groups[k])
      if (!std::ranges::binary_search(problem.unlabeled, item))
        fail(ExitCode::config, fmt::format("candidate group {}: item {} is not in the unlabeled list", k, item));
  }
  return groups;
}

// The first candidates, or further ones from the items that are left.
Candidates draw(const Problem& problem, const Config& config, std::span<const int64_t> left, int64_t drawn) {
  if (config.search == "given") return {given_groups(problem, config), problem.unlabeled};
  if (config.search == "partition")
    return {partition(left, config.group_size, config.seed, config.round), problem.unlabeled};
  const int64_t count = config.candidates > 0 ? config.candidates : int64_t(left.size()) / config.group_size;
  return {left, problem.unlabeled, config.group_size, count, drawn, config.seed, config.round};
}

std::vector<double> score_all(Context& context, const Config& config, const Candidates& candidates,
                              const Scorer& score) {
  std::vector<double> scores;
  for (int64_t first = 0; first < candidates.count(); first += kGroupsAtOnce) {
    const Tensor positions = candidates.positions(context, first, std::min(kGroupsAtOnce, candidates.count() - first));
    const std::vector<double> part = score(positions.view<const int64_t, 2>());
    for (size_t k = 0; k < part.size(); ++k)
      if (!std::isfinite(part[k])) {
        const int64_t which = first + int64_t(k);
        check_scores(config, {&part[k], 1}, candidates.members({&which, 1}).members, candidates.size());
      }
    scores.insert(scores.end(), part.begin(), part.end());
  }
  return scores;
}

// The `count` best by score, without the worst of these: what is equal to it may have been cut off.
std::vector<int64_t> best_places(std::span<const double> scores, int64_t count) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  if (count >= int64_t(order.size())) return order;
  std::nth_element(order.begin(), order.begin() + count, order.end(),
                   [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
  const double worst = scores[order[count]];
  order.resize(count);
  std::erase_if(order, [&](int64_t k) { return scores[k] <= worst; });
  return order;
}

// Adds to `chosen` the best groups, as choose() would with all of them listed: it looks at them best first, so that the
// best few decide where they suffice.
void choose_among(Groups& chosen, std::vector<double>& chosen_scores, int64_t wanted, const Candidates& candidates,
                  std::span<const double> scores, const Copies& copies, const Ties& ties) {
  constexpr int64_t kFirst = 1 << 16, kMore = 16;
  for (int64_t most = std::max(kFirst, 64 * wanted);; most *= kMore) {
    const std::vector<int64_t> best = best_places(scores, most);
    Groups listed = chosen;
    const Groups members = candidates.members(best);
    listed.members.insert(listed.members.end(), members.members.begin(), members.members.end());
    std::vector<double> values = chosen_scores;
    for (int64_t k : best) values.push_back(scores[k]);
    std::vector<int64_t> places(chosen.count());
    std::iota(places.begin(), places.end(), 0);
    const bool all = best.size() == scores.size();
    choose(places, wanted, listed, values, copies, ties, all);
    if (!all && int64_t(places.size()) < wanted) continue;
    for (size_t k = size_t(chosen.count()); k < places.size(); ++k) {
      const auto group = listed[places[k]];
      chosen.members.insert(chosen.members.end(), group.begin(), group.end());
      chosen_scores.push_back(values[places[k]]);
    }
    return;
  }
}

Selection select_drawn(Context& context, const Problem& problem, const Config& config, const Copies& copies,
                       const MakeScorer& make) {
  const int64_t wanted = config.budget / config.group_size;
  const Ties ties(config.seed, config.round);
  const Scorer score = make(problem.labeled);
  Selection selection;
  selection.group_size = config.group_size;
  Groups chosen{config.group_size, {}};
  std::vector<double> chosen_scores;
  std::vector<int64_t> left(problem.unlabeled.begin(), problem.unlabeled.end());
  bool listed = true;
  while (true) {
    const Candidates candidates = draw(problem, config, left, int64_t(selection.scores.size()));
    const std::vector<double> scores = score_all(context, config, candidates, score);
    listed =
        listed && candidates.count() <= (kListedMembers - int64_t(selection.candidates.size())) / candidates.size();
    if (listed) {
      std::vector<int64_t> all(candidates.count());
      std::iota(all.begin(), all.end(), 0);
      const Groups members = candidates.members(all);
      for (int64_t k = 0; k < members.count(); ++k) selection.copies += copies.degenerate(members[k]);
      selection.candidates.insert(selection.candidates.end(), members.members.begin(), members.members.end());
    }
    selection.scores.insert(selection.scores.end(), scores.begin(), scores.end());
    choose_among(chosen, chosen_scores, wanted, candidates, scores, copies, ties);
    if (chosen.count() == wanted) break;
    if (config.search == "given")
      fail(ExitCode::config,
           fmt::format("only {} of the {} groups that the budget {} needs are disjoint among the {} given; "
                       "give more",
                       chosen.count(), wanted, config.budget, candidates.count()));
    std::erase_if(left, [&](int64_t item) { return std::ranges::find(chosen.members, item) != chosen.members.end(); });
  }
  if (!listed) selection.candidates.clear();
  // Best first among all of them: later draws may hold better groups than the first ones.
  std::vector<int64_t> order;
  choose(order, wanted, chosen, chosen_scores, copies, ties);
  for (int64_t k : order) {
    selection.groups.push_back({{chosen[k].begin(), chosen[k].end()}, chosen_scores[k]});
    selection.picks.insert(selection.picks.end(), chosen[k].begin(), chosen[k].end());
  }
  warn_of_ties(selection, config);
  return selection;
}

// Greedy and exchange: single items over L and the batch so far.
class BatchBuilder {
 public:
  BatchBuilder(Context& context, const Problem& problem, const Config& config, const Copies& copies,
               const MakeScorer& make)
      : context_(context),
        problem_(problem),
        config_(config),
        copies_(copies),
        make_(make),
        ties_(config.seed, config.round) {
    std::vector<int64_t> places(problem.unlabeled.size());
    std::iota(places.begin(), places.end(), 0);
    singles_ = Tensor::from_host(context, {int64_t(places.size()), 1}, places.data(), "single items");
  }

  // Scores of every unlabelled item over L and `batch`.
  std::vector<double> scores(std::span<const int64_t> batch) const {
    std::vector<int64_t> labeled(problem_.labeled.begin(), problem_.labeled.end());
    labeled.insert(labeled.end(), batch.begin(), batch.end());
    std::ranges::sort(labeled);
    std::vector<double> scores = make_(labeled)(singles_.view<const int64_t, 2>());
    check_scores(config_, scores, problem_.unlabeled, 1);
    return scores;
  }

  // The best item to add to `batch`: highest score, then as drawn; copies of what is there come last, and of equal
  // items the smallest id first.
  struct Best {
    int64_t place = -1, ties = 0;  // in problem.unlabeled; items of its score
  };
  Best best(std::span<const double> scores, std::span<const int64_t> batch) const {
    Best best;
    bool best_is_copy = false;
    double best_draw = 0;
    for (int64_t k = 0; k < int64_t(scores.size()); ++k) {
      const int64_t item = problem_.unlabeled[k];
      if (std::ranges::find(batch, item) != batch.end()) continue;
      const auto is_equal = [&](int64_t other) { return copies_.original(other) == copies_.original(item); };
      if (best.place >= 0 && !best_is_copy && scores[k] < scores[best.place]) continue;
      const bool copy = copies_.degenerate({&item, 1}) || std::ranges::any_of(batch, is_equal);
      if (best.place >= 0 && (copy > best_is_copy || (copy == best_is_copy && scores[k] < scores[best.place])))
        continue;
      const bool tie = best.place >= 0 && copy == best_is_copy && scores[k] == scores[best.place];
      const double draw = ties_.draw(copy ? item : copies_.original(item));
      best.ties = tie ? best.ties + 1 : 1;
      if (!tie || draw > best_draw) best.place = k, best_is_copy = copy, best_draw = draw;
    }
    return best;
  }

 private:
  Context& context_;
  const Problem& problem_;
  const Config& config_;
  const Copies& copies_;
  const MakeScorer& make_;
  Ties ties_;
  Tensor singles_;
};

Selection select_built(Context& context, const Problem& problem, const Config& config, const Copies& copies,
                       const MakeScorer& make) {
  const BatchBuilder builder(context, problem, config, copies, make);
  Selection selection;
  int64_t drawn = 0, among = 0;
  selection.candidates.assign(problem.unlabeled.begin(), problem.unlabeled.end());
  std::vector<int64_t>& batch = selection.picks;
  while (int64_t(batch.size()) < config.budget) {
    const std::vector<double> scores = builder.scores(batch);
    if (batch.empty()) selection.scores = scores;
    const auto [best, ties] = builder.best(scores, batch);
    batch.push_back(problem.unlabeled[best]);
    selection.groups.push_back({{batch.back()}, scores[best]});
    if (ties > config.budget) ++drawn, among = std::max(among, ties);
    if (config.say && batch.size() % 10 == 0)
      config.say(fmt::format("{}: {} items chosen", config.search, batch.size()));
  }
  for (int64_t item : batch) selection.copies += copies.degenerate({&item, 1});
  if (drawn > 0)
    selection.warnings.push_back(
        Ties(config.seed, config.round).warning(drawn, config.budget, among, selection.groups.back().score));
  if (config.search == "greedy") return selection;

  constexpr double kRise = 1e-7;  // a larger rise than the scores' own error
  constexpr int kMostSweeps = 20;
  double achieved = selection.groups.back().score;
  int swaps = 0;
  bool rising = true;
  for (int sweep = 0; rising && sweep < kMostSweeps; ++sweep) {
    rising = false;
    for (size_t place = 0; place < batch.size(); ++place) {
      std::vector<int64_t> others = batch;
      others.erase(others.begin() + int64_t(place));
      const std::vector<double> scores = builder.scores(others);
      const int64_t best = builder.best(scores, others).place;
      const int64_t own = std::ranges::lower_bound(problem.unlabeled, batch[place]) - problem.unlabeled.begin();
      achieved = scores[own];
      if (!(scores[best] > achieved * (1 + kRise))) continue;
      batch[place] = problem.unlabeled[best];
      achieved = scores[best];
      rising = true;
      ++swaps;
    }
    if (config.say)
      config.say(fmt::format("exchange: sweep {}, {} items exchanged, score {:.6g}", sweep + 1, swaps, achieved));
  }
  for (size_t k = 0; k < batch.size(); ++k) selection.groups[k] = {{batch[k]}, achieved};
  return selection;
}

}  // namespace

bool adds_single_items(const Config& config) { return config.search == "greedy" || config.search == "exchange"; }

void check_groups(const Config& config) {
  const int64_t q = config.budget, g = config.group_size;
  if (g < 1 || q % g != 0)
    fail(ExitCode::config, fmt::format("group size {} does not divide the budget {}; choose a divisor, e.g. {}", g, q,
                                       g < 1 ? 1 : std::gcd(g, q)));
  if (config.candidates != 0 && config.candidates < q / g)
    fail(ExitCode::config, fmt::format("candidates {} are fewer than the {} groups to pick; draw at least as many",
                                       config.candidates, q / g));
  if (config.candidates > kMostCandidates)
    fail(ExitCode::config, fmt::format("candidates {} are more than {}, whose scores would fill 8 TB; draw fewer",
                                       config.candidates, kMostCandidates));
  if (config.search != "given" && config.search != "partition" && config.search != "independent" &&
      !adds_single_items(config))
    fail(ExitCode::config,
         fmt::format("search \"{}\" is not known; use one of partition, independent, given, greedy, exchange",
                     config.search));
  if (adds_single_items(config) && g != 1)
    fail(ExitCode::config,
         fmt::format("search \"{}\" adds single items; set the group size to 1, not {}", config.search, g));
}

Selection select_groups(Context& context, const Problem& problem, const Config& config, const Copies& copies,
                        const MakeScorer& make) {
  Selection selection = adds_single_items(config) ? select_built(context, problem, config, copies, make)
                                                  : select_drawn(context, problem, config, copies, make);
  selection.below_noise = std::ranges::count(selection.scores, 0.0);
  for (int64_t item : problem.unlabeled) selection.duplicates += copies.duplicate(item);
  return selection;
}

std::string summarize_groups(const Selection& s, const Problem& problem, const Config& config, const std::string& how,
                             int64_t largest_rank) {
  const int64_t n = int64_t(problem.labeled.size()) + s.group_size;
  const auto [low, high] = std::ranges::minmax(s.scores);
  std::string text = fmt::format(
      "{}: {} of {} groups of {} ({}, {}); |L|+G = {}, rank {} of {}; scores {:.6g} to {:.6g}", config.name,
      s.groups.size(), s.scores.size(), s.group_size, config.search, how, n, s.rank, largest_rank, low, high);
  const int64_t span = std::min(int64_t(problem.labeled.size()), s.rank);
  if (s.labeled_rank < span) text += fmt::format("; L spans {} of {} dimensions", s.labeled_rank, span);
  if (s.constant_features > 0) text += fmt::format("; {} features are constant on the pool", s.constant_features);
  if (s.below_noise > 0) text += fmt::format("; {} scores are below rounding and count as 0", s.below_noise);
  if (s.copies > 0) text += fmt::format("; {} groups hold copies and come last", s.copies);
  return text;
}

}  // namespace crc::select
