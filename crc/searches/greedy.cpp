// Q times the single item that leaves the highest score: what the paper calls too expensive.
#include "crc/searches/greedy.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "crc/checkpoint.h"

namespace crc::select {

BatchBuilder::BatchBuilder(const SearchInput& in) : in_(in), ties_(in.config.seed, in.config.round) {
  std::vector<int64_t> places(in.problem.unlabeled.size());
  std::iota(places.begin(), places.end(), 0);
  singles_ = Tensor::from_host(in.context, {int64_t(places.size()), 1}, places.data(), "single items");
}

std::vector<double> BatchBuilder::scores(std::span<const int64_t> batch) const {
  std::vector<int64_t> labeled(in_.problem.labeled.begin(), in_.problem.labeled.end());
  labeled.insert(labeled.end(), batch.begin(), batch.end());
  std::ranges::sort(labeled);
  std::vector<double> scores = in_.make(labeled)(singles_.view<const int64_t, 2>());
  check_scores(in_.config, scores, in_.problem.unlabeled, 1);
  return scores;
}

BatchBuilder::Best BatchBuilder::best(std::span<const double> scores, std::span<const int64_t> batch) const {
  Best best;
  bool best_is_copy = false;
  double best_draw = 0;
  for (int64_t k = 0; k < int64_t(scores.size()); ++k) {
    const int64_t item = in_.problem.unlabeled[k];
    if (std::ranges::find(batch, item) != batch.end()) continue;
    const auto is_equal = [&](int64_t other) { return in_.copies.original(other) == in_.copies.original(item); };
    if (best.place >= 0 && !best_is_copy && scores[k] < scores[best.place]) continue;
    const bool copy = in_.copies.degenerate({&item, 1}) || std::ranges::any_of(batch, is_equal);
    if (best.place >= 0 && (copy > best_is_copy || (copy == best_is_copy && scores[k] < scores[best.place]))) continue;
    const bool tie = best.place >= 0 && copy == best_is_copy && scores[k] == scores[best.place];
    const double draw = ties_.draw(copy ? item : in_.copies.original(item));
    best.ties = tie ? best.ties + 1 : 1;
    if (!tie || draw > best_draw) best.place = k, best_is_copy = copy, best_draw = draw;
  }
  return best;
}

Selection BatchBuilder::build() const {
  const Problem& problem = in_.problem;
  const Config& config = in_.config;
  Selection selection;
  int64_t drawn = 0, among = 0;
  selection.candidates.assign(problem.unlabeled.begin(), problem.unlabeled.end());
  std::vector<int64_t>& batch = selection.picks;
  selection.scores = completed(config, "scores of single items", [&] { return scores({}); });
  Steps<3> steps(config, "picks", config.budget);
  while (int64_t(batch.size()) < config.budget) {
    const auto [place, score, ties] = steps.next([&]() -> Steps<3>::Step {
      const std::vector<double> values = batch.empty() ? selection.scores : scores(batch);
      const Best found = best(values, batch);
      return {double(found.place), values[size_t(found.place)], double(found.ties)};
    });
    batch.push_back(problem.unlabeled[size_t(place)]);
    selection.groups.push_back({{batch.back()}, score});
    report(config.progress, "picks", int64_t(batch.size()), config.budget);
    if (int64_t(ties) > config.budget) ++drawn, among = std::max(among, int64_t(ties));
    if (config.say && batch.size() % 10 == 0)
      config.say(fmt::format("{}: {} items chosen", word_of(config.search), batch.size()));
  }
  for (int64_t item : batch) selection.copies += in_.copies.degenerate({&item, 1});
  if (drawn > 0)
    selection.warnings.push_back(ties_.warning(drawn, config.budget, among, selection.groups.back().score));
  return selection;
}

Selection search_greedy(const SearchInput& in) { return BatchBuilder(in).build(); }

}  // namespace crc::select
