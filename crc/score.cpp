#include "crc/score.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

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
  double top, unit;           // largest eigenvalue of L; what an eigenvalue is divided by
  int64_t rank;

  Dense(Context& c, const LastLayerNtk& ntk, Items l, Items u)
      : context(c),
        labeled(ntk.coordinates(l)),
        unlabeled(ntk.coordinates(u)),
        norms(ntk.squared_norms(u)),
        top(l.empty() ? 0 : ntk.spectrum(l).top()),
        unit(ntk.scale() * ntk.scale()),
        rank(ntk.rank()) {}

  // Eigenvalue number `place` of a spectrum, by the rule.
  auto by_rule(int64_t n, int64_t place) const {
    return [this, noise = double(std::max(n, rank)) * 0x1p-52, place](std::span<const double> w, Items members) {
      double bound = top;
      for (int64_t item : members) bound += norms[item];
      return w[place] <= noise * bound ? 0.0 : w[place] / unit;
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

// By the dual; `place` is the number of its structural zeros.
template <class Solve> std::vector<double> by_dual(const Dense& dense, Positions groups, const Solve& solve) {
  const auto labeled = dense.labeled.view<const double, 2>(), unlabeled = dense.unlabeled.view<const double, 2>();
  const int64_t n = labeled.shape[0] + groups.shape[1];
  const Tensor m_l = product(dense.context, labeled, labeled, GemmConfig{.transpose_a = true});  // [r,r]
  const auto make = [&](View<double, 3> a, Positions members) {
    moment_matrices(dense.context, a, m_l.view<const double, 2>(), unlabeled, members);
  };
  return solve_in_batches<double>(dense.context, groups, dense.rank, make, solve,
                                  dense.by_rule(n, std::max<int64_t>(0, dense.rank - n)));
}

Scorer make_syevd(Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled) {
  return [dense = std::make_shared<Dense>(context, ntk, labeled, unlabeled)](Positions groups) {
    const int64_t n = dense->labeled.shape()[0] + groups.shape[1];
    if (n <= dense->rank)
      return by_gram(dense->context, groups, dense->labeled.view<const double, 2>(),
                     dense->unlabeled.view<const double, 2>(), dense->by_rule(n, 0));
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
    const int64_t known = int64_t(labeled.size()), n = known + size;
    if (!capacitance_pays(size, rank, rank)) return by_definition(groups);
    if (!spectrum) {
      spectrum = ntk.spectrum(labeled);
      v = ntk.coordinates(unlabeled, &spectrum->rotation);
    }
    const bool primal = n <= rank;
    const int64_t zeros = primal ? rank - known : 0;
    const Tensor lambda = Tensor::from_host(context, {rank - zeros}, spectrum->lambda.data() + zeros, "lambda"),
                 values(context, {count}, Dtype::f64, "eigenvalues"),
                 evaluations(context, {count}, Dtype::i32, "evaluations"), none(context, {0, 0, 0}, Dtype::f64, "none");
    capacitance(context, values.view<double, 1>(), evaluations.view<int32_t, 1>(), lambda.view<const double, 1>(),
                v.view<const double, 2>(), none.view<const double, 3>(), groups,
                CapacitanceConfig{.update = primal ? Update::primal : Update::dual,
                                  .zeros = zeros,
                                  .noise = ntk.noise(n),
                                  .top = spectrum->top()});
    std::vector<double> results = values.to_host<double>(context);
    for (double& value : results) value /= ntk.scale() * ntk.scale();
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

constexpr Solver kSolvers[] = {
    {"capacitance", "G x G inertia counts with a certificate, fp64", make_capacitance},
    {"syev_batched", "all eigenvalues of the duals, in batches where the library can (cuSOLVER), fp64",
     make_syev_batched},
    {"syevd", "LAPACK or cuSOLVER, one matrix at a time, fp64: the definition", make_syevd},
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

Achieved smallest_eigenvalue(const LastLayerNtk& ntk, std::span<const int64_t> items) {
  const LabeledSpectrum s = ntk.spectrum(items);
  const int64_t n = int64_t(items.size()), place = std::max<int64_t>(0, ntk.rank() - n);
  const double unit = ntk.scale() * ntk.scale(), floor = ntk.noise(n) * s.top();
  return {s.lambda[place] <= floor ? 0 : s.lambda[place] / unit, floor / unit};
}

}  // namespace crc::select
