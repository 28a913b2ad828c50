#include "crc/score.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "crc/row_scores.h"
#include "kernels/ops/capacitance.h"
#include "kernels/ops/eigvals.h"
#include "kernels/ops/gemm.h"
#include "kernels/ops/group_matrices.h"

namespace crc::select {
namespace {

using Items = std::span<const int64_t>;
using Positions = View<const int64_t, 2>;

// Runs make(a [B,m,m], members [B,G]) and the eigensolver batch by batch; value(w, members) turns each ascending
// spectrum [m] into the group's result.
template <class T, class Make, class Solve, class Value>
std::vector<double> solve_in_batches(Context& context, Positions groups, int64_t m, const Make& make,
                                     const Solve& solve, const Value& value) {
  const int64_t total = groups.shape[0], size = groups.shape[1];
  const int64_t batch = std::clamp<int64_t>(kBatchBytes / (m * m * int64_t(sizeof(T))), 1, std::max<int64_t>(1, total));
  const Tensor matrices(context, {batch, m, m}, DtypeOf<T>::value, "group matrices");
  const Tensor spectra(context, {batch, m}, DtypeOf<T>::value, "spectra");
  std::vector<int64_t> members(total * size);
  context.copy_out(members.data(), groups);
  std::vector<T> w(batch * m);
  std::vector<double> results;
  for (int64_t begin = 0; begin < total; begin += batch) {
    const int64_t count = std::min(batch, total - begin);
    const auto a = matrices.view<T, 3>().slice(0, count);
    const auto eigenvalues = spectra.view<T, 2>().slice(0, count);
    make(a, groups.slice(begin, begin + count));
    solve(eigenvalues, a);
    context.copy_out(w.data(), eigenvalues);
    for (int64_t b = 0; b < count; ++b)
      results.push_back(
          value(std::span<const T>(w.data() + b * m, m), Items(members).subspan((begin + b) * size, size)));
  }
  return results;
}

template <class T> Tensor product(Context& context, View<const T, 2> a, View<const T, 2> b, GemmConfig config) {
  Tensor c(context, {a.shape[config.transpose_a ? 1 : 0], b.shape[config.transpose_b ? 0 : 1]}, DtypeOf<T>::value,
           "product");
  gemm(context, c.view<T, 2>(), a, b, config);
  return c;
}

// Coordinates of L and U with what dense solvers need of them.
struct Dense {
  Context& context;
  Tensor labeled, unlabeled;
  std::vector<double> norms;  // of the unlabelled
  LabeledRank known;
  int64_t rank;

  Dense(Context& c, const LastLayerNtk& ntk, Items l, Items u)
      : context(c),
        labeled(ntk.coordinates(l)),
        unlabeled(ntk.coordinates(u)),
        norms(ntk.squared_norms(u)),
        known(ntk.spectrum(l).rank),
        rank(ntk.rank()) {}

  int64_t n(Positions groups) const { return labeled.shape()[0] + groups.shape[1]; }

  // The eigenvalue of the rule, out of an ascending spectrum.
  auto by_rule(Positions groups) const {
    const int64_t group = groups.shape[1], place = known.place(group);
    return [this, noise = double(std::max(n(groups), rank)) * 0x1p-52, leak = known.leak(group), place](
               std::span<const double> w, Items members) {
      double bound = known.top;
      for (int64_t item : members) bound += norms[item];
      const double value = w[w.size() - size_t(place)];
      return value <= noise * bound + leak ? 0.0 : value;
    };
  }
};

// By Gram matrices over L and the group.
template <class T, class Value>
std::vector<double> by_gram(Context& context, Positions groups, View<const T, 2> labeled, View<const T, 2> unlabeled,
                            const Value& value) {
  const Tensor k_ll = product(context, labeled, labeled, GemmConfig{.transpose_b = true});    // [L,L]
  const Tensor k_ul = product(context, unlabeled, labeled, GemmConfig{.transpose_b = true});  // [U,L]
  const auto make = [&](View<T, 3> a, Positions members) {
    gram_matrices(context, a, k_ll.view<const T, 2>(), k_ul.view<const T, 2>(), unlabeled, members);
  };
  const auto solve = [&](View<T, 2> w, View<T, 3> a) { eigvals(context, w, a); };
  return solve_in_batches<T>(context, groups, labeled.shape[0] + groups.shape[1], make, solve, value);
}

template <class Solve> std::vector<double> by_dual(const Dense& dense, Positions groups, const Solve& solve) {
  const auto labeled = dense.labeled.view<const double, 2>(), unlabeled = dense.unlabeled.view<const double, 2>();
  const Tensor m_l = product(dense.context, labeled, labeled, GemmConfig{.transpose_a = true});  // [r,r]
  const auto make = [&](View<double, 3> a, Positions members) {
    moment_matrices(dense.context, a, m_l.view<const double, 2>(), unlabeled, members);
  };
  return solve_in_batches<double>(dense.context, groups, dense.rank, make, solve, dense.by_rule(groups));
}

Scorer make_syevd(Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled) {
  return [dense = std::make_shared<Dense>(context, ntk, labeled, unlabeled)](Positions groups) {
    if (dense->n(groups) <= dense->rank)
      return by_gram(dense->context, groups, dense->labeled.view<const double, 2>(),
                     dense->unlabeled.view<const double, 2>(), dense->by_rule(groups));
    return by_dual(*dense, groups, [&](View<double, 2> w, View<double, 3> a) { eigvals(dense->context, w, a); });
  };
}

Scorer make_syev_batched(Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled) {
  return [dense = std::make_shared<Dense>(context, ntk, labeled, unlabeled)](Positions groups) {
    return by_dual(*dense, groups,
                   [&](View<double, 2> w, View<double, 3> a) { eigvals_batched(dense->context, w, a); });
  };
}

// What groups have in common for the capacitance op, and the definition for what it cannot certify.
struct Capacitance {
  Context& context;
  const LastLayerNtk& ntk;
  std::vector<int64_t> labeled, unlabeled;
  std::optional<LabeledSpectrum> spectrum;  // made when first needed, as is what follows
  Tensor v;                                 // [U,r]
  Scorer dense;

  Capacitance(Context& c, const LastLayerNtk& n, Items l, Items u)
      : context(c), ntk(n), labeled(l.begin(), l.end()), unlabeled(u.begin(), u.end()) {}

  std::vector<double> by_definition(Positions groups) {
    if (!dense) dense = make_syevd(context, ntk, labeled, unlabeled);
    return dense(groups);
  }

  std::vector<double> operator()(Positions groups) {
    const int64_t count = groups.shape[0], size = groups.shape[1], rank = ntk.rank();
    if (!capacitance_pays(size, rank, rank)) return by_definition(groups);
    if (!spectrum) {
      spectrum = ntk.spectrum(labeled);
      v = ntk.coordinates(unlabeled, &spectrum->rotation);
    }
    const LabeledRank& known = spectrum->rank;
    const double noise = ntk.noise(int64_t(labeled.size()) + size);
    const bool primal = known.rank + size <= rank;
    const int64_t zeros = primal ? rank - known.rank : 0;
    const Tensor lambda = Tensor::from_host(context, {rank - zeros}, spectrum->lambda.data() + zeros, "lambda"),
                 values(context, {count}, Dtype::f64, "eigenvalues"),
                 evaluations(context, {count}, Dtype::i32, "evaluations"), none(context, {0, 0, 0}, Dtype::f64, "none");
    capacitance(context, values.view<double, 1>(), evaluations.view<int32_t, 1>(), lambda.view<const double, 1>(),
                v.view<const double, 2>(), none.view<const double, 3>(), groups,
                CapacitanceConfig{.update = primal ? Update::primal : Update::dual,
                                  .zeros = zeros,
                                  .noise = noise,
                                  .top = known.top + known.leak(size) / noise});
    std::vector<double> results = values.to_host<double>(context);
    const std::vector<int32_t> certified = evaluations.to_host<int32_t>(context);
    for (int64_t k = 0; k < count; ++k)
      if (certified[k] < 0) results[k] = by_definition(groups.slice(k, k + 1)).front();
    return results;
  }
};

Scorer make_capacitance(Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled) {
  return [state = std::make_shared<Capacitance>(context, ntk, labeled, unlabeled)](Positions groups) {
    return (*state)(groups);
  };
}

// What a literal reading of the paper does in fp32, for ablations: the smallest eigenvalue > 0 of the n x n Gram
// matrix. Beyond the rank that is the smallest of |L|+G-r rounding errors that happens to be positive.
Scorer make_fp32_positive(Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled) {
  const auto rows = [&](Items items) {
    const int64_t width = ntk.features() + 1;
    std::vector<double> a(width);
    std::vector<float> values;
    for (int64_t item : items) {
      ntk.row(item, a);
      values.insert(values.end(), a.begin(), a.end());
    }
    return std::make_shared<Tensor>(
        Tensor::from_host(context, {int64_t(items.size()), width}, values.data(), "fp32 features"));
  };
  return [&context, l = rows(labeled), u = rows(unlabeled)](Positions groups) {
    return by_gram(context, groups, l->view<const float, 2>(), u->view<const float, 2>(),
                   [](std::span<const float> w, Items) {
                     const auto positive = std::ranges::find_if(w, [](float v) { return v > 0; });
                     return positive == w.end() ? 0.0 : double(*positive);
                   });
  };
}

// Where a solver of inner products finds 0, the rows have the last word. Undoes the scale, too: exact but for what
// leaves the range of fp64.
template <auto make> Scorer by_rows_too(Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled) {
  struct State {
    Scorer inner;
    std::vector<int64_t> labeled, unlabeled;
    std::optional<RowScores> rows;
  };
  auto state = std::make_shared<State>(State{make(context, ntk, labeled, unlabeled),
                                             {labeled.begin(), labeled.end()},
                                             {unlabeled.begin(), unlabeled.end()},
                                             std::nullopt});
  return [state, &context, &ntk](Positions groups) {
    std::vector<double> results = state->inner(groups);
    const int64_t size = groups.shape[1];
    std::vector<int64_t> zeros, members(groups.size()), items;
    for (size_t k = 0; k < results.size(); ++k)
      if (results[k] == 0) zeros.push_back(int64_t(k));
    if (!zeros.empty()) {
      if (!state->rows) state->rows.emplace(context, ntk, state->labeled, ntk.spectrum(state->labeled).rank);
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

constexpr Solver kSolvers[] = {
    {"capacitance", "G x G inertia counts with a certificate, fp64", by_rows_too<make_capacitance>},
    {"syev_batched", "all eigenvalues of the duals, in batches where the library can (cuSOLVER), fp64",
     by_rows_too<make_syev_batched>},
    {"syevd", "LAPACK or cuSOLVER, one matrix at a time, fp64: the definition", by_rows_too<make_syevd>},
    {"fp32-positive", "smallest positive eigenvalue in fp32: a literal reading of the paper, for ablations",
     make_fp32_positive},
};

}  // namespace

std::span<const Solver> solvers() { return kSolvers; }

const Solver& find_solver(const std::string& name) {
  std::string known;
  for (const Solver& s : kSolvers) {
    if (s.name == name) return s;
    known += std::string(known.empty() ? "" : ", ") + s.name;
  }
  fail(ExitCode::config, fmt::format("solver \"{}\" is not known; use one of {}", name, known));
}

Achieved smallest_eigenvalue(Context& context, const LastLayerNtk& ntk, Items labeled, Items picks) {
  const LabeledRank known = ntk.spectrum(labeled).rank;
  std::vector<int64_t> all(labeled.begin(), labeled.end());
  all.insert(all.end(), picks.begin(), picks.end());
  const LabeledSpectrum s = ntk.spectrum(all);
  const int64_t size = int64_t(picks.size());
  double value = s.lambda[ntk.rank() - known.place(size)],
         floor = ntk.noise(int64_t(all.size())) * s.rank.top + known.leak(size);
  if (value <= floor) {
    const RowScores::Score exact = RowScores(context, ntk, labeled, known)(picks, size).front();
    value = exact.value > exact.floor ? exact.value : 0, floor = exact.floor;
  }
  return {ntk.unscaled(value), ntk.unscaled(floor), known.rank};
}

}  // namespace crc::select
