#include "crc/cover_radius.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "crc/checkpoint.h"
#include "crc/estimate.h"
#include "crc/k_means.h"
#include "kernels/ops/gather.h"
#include "kernels/ops/pairwise_tile.h"

namespace crc::select {
namespace {

constexpr double kPurity = 0.95;

// Items in the order of their clusters, so that those of another cluster are two slices.
struct Sorted {
  std::vector<int64_t> places;  // in the list that was sorted
  std::vector<int64_t> ends;    // of each cluster
  Sorted(std::span<const int64_t> clusters, int64_t count) : places(clusters.size()), ends(size_t(count)) {
    std::iota(places.begin(), places.end(), 0);
    std::ranges::stable_sort(places, {}, [&](int64_t k) { return clusters[size_t(k)]; });
    for (int64_t c : clusters) ++ends[size_t(c)];
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
  }
  int64_t begin(size_t cluster) const { return cluster == 0 ? 0 : ends[cluster - 1]; }
};

// least[k] = min(least[k], squared distance of row k to the nearest column of another cluster), rows and columns sorted.
void approach_others(Context& context, std::vector<double>& least, View<const float, 2> rows, const Sorted& by_row,
                     View<const float, 2> columns, const Sorted& by_column) {
  for (size_t c = 0; c < by_row.ends.size(); ++c) {
    const int64_t begin = by_row.begin(c), end = by_row.ends[c], size = end - begin;
    if (size == 0) continue;
    const Tensor squared(context, {size, 1}, Dtype::f64, "margins"), place(context, {size, 1}, Dtype::i64, "places");
    for (const auto& others :
         {columns.slice(0, by_column.begin(c)), columns.slice(by_column.ends[c], columns.shape[0])}) {
      pairwise_least(context, squared.view<double, 2>(), place.view<int64_t, 2>(), rows.slice(begin, end), others,
                     Pairing{});
      const std::vector<double> found = squared.to_host<double>(context);
      for (int64_t i = 0; i < size; ++i)
        least[size_t(begin + i)] = std::min(least[size_t(begin + i)], found[size_t(i)]);
    }
  }
}

// Squared distances to the nearest item of another cluster, in no order. Every row meets all, block by block.
std::vector<double> squared_margins(Context& context, const PoolBlocks& pool, const Clusters& clusters,
                                    const Config& config) {
  constexpr const char* kName = "rows of clusters apart";
  const Sorted sorted(clusters.of, clusters.count);
  const std::vector<int64_t> items = pool.index().items_at(sorted.places);
  std::vector<double> least(pool.items().size(), INFINITY);
  int64_t met = 0;  // columns, by all rows
  if (const std::vector<double> kept = recalled(config, kName); !kept.empty() && !pool.whole()) {
    met = int64_t(kept[0]);
    std::copy_n(kept.begin() + 1 + pool.first(), least.size(), least.begin());
    say_goes_on(config, fmt::format("{} of {} {}", met, items.size(), kName));
  }
  const int64_t begun = met;
  pool.stream(std::span(items).subspan(size_t(begun)), [&](int64_t begin_of_rest, View<const float, 2> columns) {
    const int64_t first = begun + begin_of_rest;
    report(config.progress, "clusters apart", first, int64_t(items.size()));
    std::vector<int64_t> of_columns;
    for (int64_t k = 0; k < columns.shape[0]; ++k)
      of_columns.push_back(clusters.of[size_t(sorted.places[size_t(first + k)])]);
    const Sorted by_column(of_columns, clusters.count);
    if (pool.whole()) return approach_others(context, least, columns, by_column, columns, by_column);
    pool.each([&](int64_t begin, View<const float, 2> rows) {
      const auto of = std::span(clusters.of).subspan(size_t(pool.first() + begin), size_t(rows.shape[0]));
      const Sorted by_row(of, clusters.count);
      const Tensor which = Tensor::from_host(context, {rows.shape[0]}, by_row.places.data(), "places");
      Tensor in_order(context, {rows.shape[0], rows.shape[1]}, Dtype::f32, "rows by cluster");
      gather_rows(context, in_order.view<float, 2>(), rows, which.view<const int64_t, 1>());
      std::vector<double> own;
      for (int64_t k : by_row.places) own.push_back(least[size_t(begin + k)]);
      approach_others(context, own, in_order.view<const float, 2>(), by_row, columns, by_column);
      for (size_t k = 0; k < own.size(); ++k) least[size_t(begin + by_row.places[k])] = own[k];
      context.synchronize();  // `which` goes
    });
    met = first + columns.shape[0];
    keep_when_due(config, kName, [&] {
      std::vector<double> values{double(met)};
      const std::vector<double> all = pool.ranks().gather(std::span<const double>(least));
      values.insert(values.end(), all.begin(), all.end());
      return values;
    });
  });
  return pool.ranks().gather(std::span<const double>(least));
}

double pure_radius(Context& context, const PoolBlocks& pool, const Problem& problem, const Config& config) {
  if (problem.classes < 2)
    fail(ExitCode::config,
         fmt::format(
             "acquisition \"{}\" finds its radius by clusters, one for each class: give the number of classes, 2 "
             "or more, or a radius",
             config.name));
  say_estimate(context, pool, config, {},
               {double(pool.index().count()) * double(pool.index().count()), "pairs at most for the radius", 1});
  const Clusters clusters = k_means(context, pool, problem.classes, config, "for the radius");
  std::vector<double> margins = squared_margins(context, pool, clusters, config);
  const auto at = margins.begin() + int64_t((1 - kPurity) * double(margins.size()));
  std::nth_element(margins.begin(), at, margins.end());
  double radius = std::sqrt(*at);
  while (radius * radius > *at) radius = std::nextafter(radius, 0);  // the ball is open: the other item stays outside
  return radius;
}

}  // namespace

double cover_radius(Context& context, const PoolBlocks& pool, const Problem& problem, const Config& config) {
  if (config.radius > 0) return config.radius;
  const auto found = [&] { return std::vector{pure_radius(context, pool, problem, config)}; };
  return completed(config, "the search for the radius", found)[0];
}

}  // namespace crc::select
