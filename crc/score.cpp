#include "crc/score.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/ops/eigvals.h"
#include "kernels/ops/gemm.h"
#include "kernels/ops/group_matrices.h"

namespace crc::select {
namespace {

// Row numbers of the groups' items in the list of unlabelled ones.
std::vector<int64_t> positions(const Groups& groups, std::span<const int64_t> unlabeled) {
  std::vector<int64_t> rows;
  rows.reserve(groups.members.size());
  for (int64_t item : groups.members)
    rows.push_back(std::lower_bound(unlabeled.begin(), unlabeled.end(), item) - unlabeled.begin());
  return rows;
}

// Runs make(a [B,m,m], members [B,G]) and the eigensolver batch by batch; value(w) turns each ascending spectrum [m]
// into the group's result.
template <class T, class Make, class Value>
std::vector<double> solve_in_batches(Context& context, const ScoredPool& pool, const Groups& groups, int64_t m,
                                     const Make& make, const Value& value) {
  const std::vector<int64_t> rows = positions(groups, pool.unlabeled);
  const int64_t batch = std::clamp<int64_t>(kBatchBytes / (m * m * int64_t(sizeof(T))), 1, groups.count());
  const Tensor matrices(context, {batch, m, m}, DtypeOf<T>::value, "group matrices");
  const Tensor spectra(context, {batch, m}, DtypeOf<T>::value, "spectra");
  const Tensor members(context, {batch, groups.size}, Dtype::i64, "members");
  std::vector<T> w(batch * m);
  std::vector<double> results;
  for (int64_t begin = 0; begin < groups.count(); begin += batch) {
    const int64_t count = std::min(batch, groups.count() - begin);
    const auto a = matrices.view<T, 3>().slice(0, count);
    const auto eigenvalues = spectra.view<T, 2>().slice(0, count);
    const auto index = members.view<int64_t, 2>().slice(0, count);
    context.copy_in(index, rows.data() + begin * groups.size);
    make(a, View<const int64_t, 2>(index));
    eigvals(context, eigenvalues, a);
    context.copy_out(w.data(), eigenvalues);
    for (int64_t b = 0; b < count; ++b) results.push_back(value(std::span<const T>(w.data() + b * m, m)));
  }
  return results;
}

template <class T> Tensor product(Context& context, View<const T, 2> a, View<const T, 2> b, GemmConfig config) {
  Tensor c(context, {a.shape[config.transpose_a ? 1 : 0], b.shape[config.transpose_b ? 0 : 1]}, DtypeOf<T>::value,
           "product");
  gemm(context, c.view<T, 2>(), a, b, config);
  return c;
}

// By Gram matrices over L and the group.
template <class T, class Value>
std::vector<double> by_gram(Context& context, const ScoredPool& pool, const Groups& groups, View<const T, 2> labeled,
                            View<const T, 2> unlabeled, const Value& value) {
  const Tensor k_ll = product(context, labeled, labeled, GemmConfig{.transpose_b = true});    // [L,L]
  const Tensor k_ul = product(context, unlabeled, labeled, GemmConfig{.transpose_b = true});  // [U,L]
  const auto make = [&](View<T, 3> a, View<const int64_t, 2> members) {
    gram_matrices(context, a, k_ll.view<const T, 2>(), k_ul.view<const T, 2>(), unlabeled, members);
  };
  return solve_in_batches<T>(context, pool, groups, labeled.shape[0] + groups.size, make, value);
}

std::vector<double> syevd(Context& context, const ScoredPool& pool, const Groups& groups) {
  const auto labeled = pool.ntk.labeled_rows(), unlabeled = pool.ntk.unlabeled_rows();
  const int64_t n = labeled.shape[0] + groups.size, r = pool.ntk.rank;
  const double noise = double(std::max(n, r)) * 0x1p-52;
  const auto value = [noise](std::span<const double> w) { return w.front() < noise * w.back() ? 0.0 : w.front(); };
  if (n <= r) return by_gram(context, pool, groups, labeled, unlabeled, value);
  const Tensor m_l = product(context, labeled, labeled, GemmConfig{.transpose_a = true});  // [r,r]
  const auto make = [&](View<double, 3> a, View<const int64_t, 2> members) {
    moment_matrices(context, a, m_l.view<const double, 2>(), unlabeled, members);
  };
  return solve_in_batches<double>(context, pool, groups, r, make, value);
}

// What a literal reading of the paper does in fp32, for ablations: the smallest eigenvalue > 0 of the n x n Gram
// matrix. Beyond the rank that is the smallest of |L|+G-r rounding errors that happens to be positive.
std::vector<double> paper_positive(Context& context, const ScoredPool& pool, const Groups& groups) {
  const auto rows = [&](std::span<const int64_t> items) {
    std::vector<float> values;
    append_augmented(values, pool.features, items);
    return Tensor::from_host(context, {int64_t(items.size()), pool.features.width + 1}, values.data(), "fp32 features");
  };
  const Tensor labeled = rows(pool.labeled), unlabeled = rows(pool.unlabeled);
  const auto value = [](std::span<const float> w) {
    const auto positive = std::find_if(w.begin(), w.end(), [](float v) { return v > 0; });
    return positive == w.end() ? 0.0 : double(*positive);
  };
  return by_gram(context, pool, groups, labeled.view<const float, 2>(), unlabeled.view<const float, 2>(), value);
}

constexpr Solver kSolvers[] = {
    {"syevd", "LAPACK or cuSOLVER, one matrix at a time, fp64: the definition", syevd},
    {"paper-positive", "smallest positive eigenvalue in fp32: a literal reading of the paper, for ablations",
     paper_positive},
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

}  // namespace crc::select
