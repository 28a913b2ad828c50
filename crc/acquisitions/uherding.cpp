// Uncertainty herding (Bae et al. 2025, BorealisAI/uherding): MaxHerding whose items count by the model's uncertainty,
//   argmax_x sum_j u_j max(0, k(x_j, x) - max_{s in L and S} k(x_j, s)),   k(x, y) = exp(-|x - y|^2 / h^2),
// u = 1 - (p_1 - p_2) of the two likeliest classes, 0 for labelled items; features of unit length. h adapts: the
// smallest distance between two labelled items that differ; 1 where there are none. Without labels all u are 1 and it
// is MaxHerding. The paper's temperature comes from held-out labels: divide the logits by it.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "crc/coverage.h"
#include "crc/uncertainty.h"

namespace crc::select {
namespace {

// Between labelled rows that differ; 1 if none do.
double least_distance(Context& context, const PoolBlocks& pool) {
  const std::vector<float> labeled = pool.at(pool.index().labeled).to_host<float>(context);
  const auto width = size_t(pool.width());
  const auto row = [&](int64_t place) { return std::span(labeled).subspan(size_t(place) * width, width); };
  std::vector<int64_t> places(pool.index().labeled.size());
  std::iota(places.begin(), places.end(), 0);
  std::ranges::sort(
      places, [](auto a, auto b) { return std::ranges::lexicographical_compare(a, b); }, row);
  const auto equal = [&](int64_t a, int64_t b) { return std::ranges::equal(row(a), row(b)); };
  places.erase(std::unique(places.begin(), places.end(), equal), places.end());
  const int64_t n = int64_t(places.size());
  if (n < 2) return 1;
  for (int64_t& place : places) place = pool.index().labeled[size_t(place)];
  const Tensor rows = pool.at(places), squared(context, {n, 2}, Dtype::f64, "squared distances"),
               nearest(context, {n, 2}, Dtype::i64, "neighbours");
  const auto x = rows.view<const float, 2>();
  pairwise_least(context, squared.view<double, 2>(), nearest.view<int64_t, 2>(), x, x, Pairing{});
  double least = INFINITY;
  const std::vector<double> d = squared.to_host<double>(context);
  for (int64_t i = 0; i < n; ++i) least = std::min(least, d[2 * i + 1]);
  return least > 0 ? std::sqrt(least) : 1;  // 0: they differ by less than fp64 tells
}

std::vector<double> uncertainties(Context& context, const PoolIndex& pool, const Problem& problem,
                                  const Config& config) {
  std::vector<double> u(size_t(pool.count()), pool.labeled.empty() ? 1.0 : 0.0);
  if (pool.labeled.empty()) return u;
  const std::vector<double> of = from_logits(context, problem, config, problem.unlabeled, [](std::vector<double> row) {
    return margin_uncertainty(softmax(std::move(row)));
  });
  for (size_t k = 0; k < of.size(); ++k) u[size_t(pool.unlabeled[k])] = of[k];
  return u;
}

}  // namespace

Selection select_uherding(Context& context, const Problem& problem, const Config& config) {
  const PoolBlocks pool(context, problem, config, {.scaling = Scaling::unit, .chunks = true});
  const double h = config.radius > 0 ? config.radius : least_distance(context, pool);
  return greedy_coverage(context, pool, problem, config, {Measure::rbf, h},
                         uncertainties(context, pool.index(), problem, config));
}

}  // namespace crc::select
