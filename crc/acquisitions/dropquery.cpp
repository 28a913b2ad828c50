// DropQuery (Gupte et al. 2024, sanketx/AL-foundation-models): the candidates are the items whose prediction without
// dropout, argmax of the logits, changes in more than half of the S passes with it; k-means (crc/k_means.h) cuts their
// features, as they are, into as many clusters as picks, and of each the item nearest to the centre is picked, the
// largest cluster first. Where candidates or clusters are fewer than picks, the items whose prediction changes most
// often fill up, ties by draw; the authors' code has no rule for that. Copies of labelled and picked items come last.
// The scores are the numbers of changes.
#include <fmt/format.h>

#include <algorithm>

#include "crc/picker.h"
#include "crc/samples.h"
#include "crc/uncertainty.h"

namespace crc::select {

Selection select_dropquery(Context& context, const Problem& problem, const Config& config) {
  const PoolRows pool(context, problem, config, Scaling::none);
  const Logits logits = read_logits(context, problem, config);
  const Samples samples = read_samples(context, problem, config);
  const auto argmax = [](const auto& row) { return std::ranges::max_element(row) - row.begin(); };
  std::vector<double> changes;
  std::vector<int64_t> candidates;
  for (size_t k = 0; k < pool.unlabeled.size(); ++k) {
    const int64_t item = problem.unlabeled[k];
    const std::vector<double> row = logits[item];
    int64_t count = 0;
    for (int64_t s = 0; s < samples.passes; ++s) count += argmax(samples(s, item)) != argmax(row);
    if (2 * count > samples.passes) candidates.push_back(pool.unlabeled[k]);
    changes.push_back(double(count));
  }
  Picker picker(pool, problem, config, changes);
  if (!candidates.empty()) {
    const Tensor rows = pool.gather(context, candidates);
    picker.take_centers(candidates,
                        k_means(context, rows.view<const float, 2>(), config.budget, config.seed, config.round));
  }
  picker.fill(changes);
  return picker.finish(
      fmt::format("dropquery: {} of {} items; the prediction of {} changes in more than half of {} "
                  "passes",
                  config.budget, pool.unlabeled.size(), candidates.size(), samples.passes));
}

}  // namespace crc::select
