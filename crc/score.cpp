#include "crc/score.h"

#include <optional>

#include "crc/row_scores.h"

namespace crc::select {
namespace {

constexpr unsigned operator|(SolverTrait a, SolverTrait b) { return unsigned(a) | unsigned(b); }

// Where a solver of inner products finds 0, the rows have the last word. Undoes the scale, too: exact but for what
// leaves the range of fp64.
Scorer by_rows_too(Scorer inner, Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled) {
  struct State {
    Scorer inner;
    std::vector<int64_t> labeled, unlabeled;
    std::optional<RowScores> rows;
  };
  auto state = std::make_shared<State>(
      State{std::move(inner), {labeled.begin(), labeled.end()}, {unlabeled.begin(), unlabeled.end()}, std::nullopt});
  return [state, &context, &ntk](Positions groups) {
    std::vector<double> results = state->inner(groups);
    const int64_t size = groups.shape[1];
    std::vector<int64_t> zeros, members(groups.size()), items;
    for (size_t k = 0; k < results.size(); ++k)
      if (results[k] == 0) zeros.push_back(int64_t(k));
    if (!zeros.empty()) {
      if (!state->rows) state->rows.emplace(context, ntk, state->labeled, ntk.spectrum(state->labeled)->rank);
      context.copy_out(members.data(), groups);
      for (int64_t k : zeros)
        for (int64_t g = 0; g < size; ++g) items.push_back(state->unlabeled[members[k * size + g]]);
      const std::vector<RowScores::Score> exact = (*state->rows)(items, size);
      for (size_t z = 0; z < zeros.size(); ++z)
        if (exact[z].value > exact[z].floor) results[zeros[z]] = exact[z].value;
    }
    for (double& value : results) value = ntk.unscaled(value);
    return results;
  };
}

}  // namespace

const SolverEntry& solver_entry(Solver solver) {
  using enum SolverTrait;
  static constexpr SolverEntry kSolvers[] = {
#define CRC_SOLVER(name, word, traits, description) {description, unsigned(traits), make_##name},
#include "crc/solvers.def"
#undef CRC_SOLVER
  };
  return kSolvers[size_t(solver)];
}

Scorer make_scorer(Solver solver, Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled) {
  const SolverEntry& entry = solver_entry(solver);
  Scorer inner = entry.make(context, ntk, labeled, unlabeled);
  return entry.has(SolverTrait::rows) ? by_rows_too(std::move(inner), context, ntk, labeled, unlabeled) : inner;
}

Achieved smallest_eigenvalue(Context& context, const LastLayerNtk& ntk, Items labeled, Items picks) {
  const LabeledRank known = ntk.spectrum(labeled)->rank;
  std::vector<int64_t> all(labeled.begin(), labeled.end());
  all.insert(all.end(), picks.begin(), picks.end());
  const auto s = ntk.spectrum(all);
  const int64_t size = int64_t(picks.size());
  double value = s->lambda[ntk.rank() - known.place(size)],
         floor = ntk.noise(int64_t(all.size())) * s->rank.top + known.leak(size);
  if (value <= floor) {
    const RowScores::Score exact = RowScores(context, ntk, labeled, known)(picks, size).front();
    value = exact.value > exact.floor ? exact.value : 0, floor = exact.floor;
  }
  return {ntk.unscaled(value), ntk.unscaled(floor), known.rank};
}

}  // namespace crc::select
