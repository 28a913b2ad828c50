#include "crc/searches/drawn.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "crc/checkpoint.h"
#include "crc/estimate.h"
#include "crc/sharded_rows.h"

namespace crc::select {
namespace {

// Groups scored at a time, in each process: enough to fill the device, and on the CPU few enough to say where it stands.
int64_t groups_at_once(const Context& context, const Problem& problem) {
  const int64_t processes = problem.shards ? problem.shards->ranks.size() : 1;
  return (context.device().kind == DeviceKind::cpu ? int64_t(1) << 11 : int64_t(1) << 18) * processes;
}

std::vector<double> score_all(Context& context, const Problem& problem, const Config& config,
                              const Candidates& candidates, int64_t drawn, const Scorer& score) {
  const std::string name = fmt::format("scores of groups from {} on", drawn);
  std::vector<double> scores = recalled(config, name);
  const int64_t most = groups_at_once(context, problem), kept = int64_t(scores.size());
  if (kept > 0) say_goes_on(config, fmt::format("{} of {} groups", kept, candidates.count()));
  scores.reserve(size_t(candidates.count()));
  for (int64_t first = kept; first < candidates.count(); first += most) {
    report(config.progress, "groups", first, candidates.count());
    const Tensor positions = candidates.positions(context, first, std::min(most, candidates.count() - first));
    const auto start = std::chrono::steady_clock::now();
    const std::vector<double> part = score(positions.view<const int64_t, 2>());
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (first == kept && candidates.count() - kept > most)
      say_pace(config, seconds.count(), most, candidates.count() - kept, fmt::format("groups of {}", candidates.size()),
               problem.shards ? problem.shards->ranks.size() : 1);
    for (size_t k = 0; k < part.size(); ++k)
      if (!std::isfinite(part[k])) {
        const int64_t which = first + int64_t(k);
        check_scores(config, {&part[k], 1}, candidates.members({&which, 1}).members, candidates.size());
      }
    scores.insert(scores.end(), part.begin(), part.end());
    keep_when_due(config, name, [&]() -> const std::vector<double>& { return scores; });
  }
  report(config.progress, "groups", candidates.count(), candidates.count());
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

}  // namespace

Selection select_drawn(const SearchInput& in, const Draw& draw) {
  const auto& [context, problem, config, copies, make] = in;
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
    const Candidates candidates = draw(left, int64_t(selection.scores.size()), chosen.count());
    const std::vector<double> scores =
        score_all(context, problem, config, candidates, int64_t(selection.scores.size()), score);
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

}  // namespace crc::select
