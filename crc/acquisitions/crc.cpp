// Convergence rate control (paper equation 9, algorithm 1): score groups of G candidates by the smallest eigenvalue of
// the last-layer NTK over L and the group, and take the Q/G best; or build the batch item by item (crc/batch_mode.h).
#include <fmt/format.h>

#include "crc/batch_mode.h"
#include "crc/score.h"
#include "crc/sharded_score.h"

namespace crc::select {
namespace {

// smallest(labeled): a Scorer; achieved(picks): Achieved.
template <class Smallest, class Reached>
Selection select_over(Context& context, const Problem& problem, const Config& config, const LastLayerNtk& ntk,
                      const Copies& copies, const Smallest& smallest, const Reached& reached) {
  const auto classes = double(problem.classes);
  Selection selection =
      select_groups(context, problem, config, copies, [&](std::span<const int64_t> labeled) -> Scorer {
        return [classes, score = smallest(labeled)](auto positions) {
          std::vector<double> scores = score(positions);
          for (double& value : scores) value *= classes;
          return scores;
        };
      });
  selection.rank = ntk.rank();
  selection.constant_features = ntk.constant_features();
  const Achieved achieved = reached(selection.picks);
  selection.labeled_rank = achieved.labeled_rank;
  selection.achieved = classes * achieved.value;
  selection.noise_floor = classes * achieved.noise_floor;
  selection.summary =
      summarize_groups(selection, problem, config, std::string(word_of(config.solver)), ntk.features() + 1) +
      fmt::format("; with all {} picks {:.6g}", config.budget, selection.achieved);
  return selection;
}

template <class T>
Selection select_by(Context& context, View<const T, 2> features, const Problem& problem, const Config& config) {
  const HostMatrix<T> host =
      read_rows(context, features, config.name, "features", {problem.labeled, problem.unlabeled});
  const LastLayerNtk ntk(context, features, host, problem.labeled, problem.unlabeled, config.progress);
  const Copies copies(host, problem.labeled, problem.unlabeled);
  const auto smallest = [&](Items labeled) {
    return make_scorer(config.solver, context, ntk, labeled, problem.unlabeled);
  };
  const auto reached = [&](Items picks) { return smallest_eigenvalue(context, ntk, problem.labeled, picks); };
  return select_over(context, problem, config, ntk, copies, smallest, reached);
}

Selection select_sharded(Context& context, const Problem& problem, const Config& config) {
  if (!problem.shards->features)
    fail(ExitCode::config, fmt::format("acquisition \"{}\" needs features, and none were given", config.name));
  const ShardedRows& features = *problem.shards->features;
  const LastLayerNtk ntk(context, features, problem.labeled, problem.unlabeled, config);
  const Copies copies(features, problem.shards->items, problem.labeled, problem.unlabeled, config);
  const auto smallest = [&](Items labeled) {
    return make_sharded_scorer(config.solver, context, ntk, features, labeled, problem.unlabeled);
  };
  const auto reached = [&](Items picks) { return smallest_eigenvalue(context, ntk, features, problem.labeled, picks); };
  return select_over(context, problem, config, ntk, copies, smallest, reached);
}

}  // namespace

void check_crc(const Config& config, const Request&) { check_groups(config); }

Selection select_crc(Context& context, const Problem& problem, const Config& config) {
  if (problem.shards) return select_sharded(context, problem, config);
  return std::visit([&](const auto& features) { return select_by(context, features, problem, config); },
                    problem.features);
}

}  // namespace crc::select
