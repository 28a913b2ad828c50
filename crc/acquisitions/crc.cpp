// Convergence rate control (paper equation 9, algorithm 1): score groups of G candidates by the smallest eigenvalue of
// the last-layer NTK over L and the group, and take the Q/G best.
#include "crc/batch_mode.h"
#include "crc/score.h"

namespace crc::select {

Selection select_crc(Context& context, const Problem& problem, const Config& config) {
  check_groups(config);
  const Solver& solver = find_solver(config.solver);
  const HostRows features =
      read_rows(context, problem.features, config.name, "features", {problem.labeled, problem.unlabeled});
  const LastLayerNtk ntk = last_layer_ntk(context, features, problem.labeled, problem.unlabeled);
  const Copies copies(features, problem.labeled, problem.unlabeled);
  const ScoredPool pool{features, ntk, problem.labeled, problem.unlabeled};

  Selection selection = select_groups(problem, config, copies, [&](const Groups& groups) {
    std::vector<double> scores = solver.smallest(context, pool, groups);
    for (double& score : scores) score *= double(problem.classes);
    return scores;
  });
  selection.rank = ntk.rank;
  selection.constant_features = ntk.constant_features;
  selection.summary = summarize_groups(selection, problem, config, config.solver, features.width + 1);
  return selection;
}

}  // namespace crc::select
