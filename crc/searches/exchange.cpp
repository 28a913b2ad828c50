// A greedy batch, whose items are exchanged one by one while its score rises (Fedorov 1972).
#include <fmt/format.h>

#include <algorithm>

#include "crc/checkpoint.h"
#include "crc/searches/greedy.h"

namespace crc::select {

Selection search_exchange(const SearchInput& in) {
  constexpr double kRise = 1e-7;  // a larger rise than the scores' own error
  constexpr int kMostSweeps = 20;
  const BatchBuilder builder(in);
  Selection selection = builder.build();
  std::vector<int64_t>& batch = selection.picks;
  double achieved = selection.groups.back().score;
  Steps<3> steps(in.config, "exchanges", kMostSweeps * in.config.budget);
  int swaps = 0;
  bool rising = true;
  for (int sweep = 0; rising && sweep < kMostSweeps; ++sweep) {
    rising = false;
    for (size_t place = 0; place < batch.size(); ++place) {
      report(in.config.progress, "exchanges, at most", sweep * in.config.budget + int64_t(place),
             kMostSweeps * in.config.budget);
      const auto [best, best_score, own_score] = steps.next([&]() -> Steps<3>::Step {
        std::vector<int64_t> others = batch;
        others.erase(others.begin() + int64_t(place));
        const std::vector<double> scores = builder.scores(others);
        const int64_t found = builder.best(scores, others).place;
        const int64_t own = std::ranges::lower_bound(in.problem.unlabeled, batch[place]) - in.problem.unlabeled.begin();
        return {double(found), scores[size_t(found)], scores[size_t(own)]};
      });
      achieved = own_score;
      if (!(best_score > achieved * (1 + kRise))) continue;
      batch[place] = in.problem.unlabeled[size_t(best)];
      achieved = best_score;
      rising = true;
      ++swaps;
    }
    if (in.config.say)
      in.config.say(fmt::format("exchange: sweep {}, {} items exchanged, score {:.6g}", sweep + 1, swaps, achieved));
  }
  for (size_t k = 0; k < batch.size(); ++k) selection.groups[k] = {{batch[k]}, achieved};
  return selection;
}

}  // namespace crc::select
