// What solvers that take whole spectra have in common.
#pragma once

#include <algorithm>
#include <memory>

#include "crc/score.h"
#include "kernels/ops/eigvals.h"
#include "kernels/ops/gemm.h"
#include "kernels/ops/group_matrices.h"

namespace crc::select {

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
        known(ntk.spectrum(l)->rank),
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

}  // namespace crc::select
