#include "crc/rank_barrier.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "crc/acquisition.h"
#include "kernels/core/random.h"
#include "kernels/core/tensor.h"

namespace crc::select {
namespace {

using ItemList = std::vector<int64_t>;

std::vector<double> ranks(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> rank(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (size_t k = begin; k < end; ++k) rank[order[k]] = double(begin + end - 1) / 2;
    begin = end;
  }
  return rank;
}

// How many of the ten largest the two have in common.
int64_t same_best(std::span<const double> a, std::span<const double> b) {
  const auto best = [](std::span<const double> values) {
    std::vector<size_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](size_t x, size_t y) { return values[x] > values[y]; });
    order.resize(std::min<size_t>(10, order.size()));
    std::ranges::sort(order);
    return order;
  };
  std::vector<size_t> both;
  std::ranges::set_intersection(best(a), best(b), std::back_inserter(both));
  return int64_t(both.size());
}

// A pool and its groups under one numbering of the items.
struct Numbering {
  Tensor features;
  ItemList labeled, unlabeled, members;  // members [K*G]

  Selection score(Context& context, Solver solver, int64_t group) const {
    return select(
        context,
        {.features = features.view<const float, 2>(), .logits = {}, .labeled = labeled, .unlabeled = unlabeled},
        {.budget = group, .group_size = group, .search = Search::given, .given = members, .solver = solver});
  }
};

ItemList draw_members(const ItemList& unlabeled, int64_t labeled, const BarrierConfig& config) {
  ItemList members;
  for (int64_t k = 0; k < config.groups; ++k) {
    Draws draws(config.seed, Purpose::group_shuffle, k, labeled);
    ItemList group;
    while (int64_t(group.size()) < config.group) {
      const int64_t item = unlabeled[draws.below(uint32_t(unlabeled.size()))];
      if (std::ranges::find(group, item) == group.end()) group.push_back(item);
    }
    members.insert(members.end(), group.begin(), group.end());
  }
  return members;
}

std::vector<double> normals(uint32_t seed, int64_t count, int64_t row) {
  Draws draws(seed, Purpose::dataset, row, 1);
  std::vector<double> z;
  while (int64_t(z.size()) < count) {
    const NormalPair pair = draws.normals();
    z.push_back(pair.x());
    z.push_back(pair.y());
  }
  return z;
}

void check(const BarrierConfig& config, int64_t items) {
  const int64_t least = config.labeled.empty() ? 0 : std::ranges::min(config.labeled);
  if (least < 1 || config.group < 1 || config.groups < 3)
    fail(ExitCode::config,
         fmt::format("{} labelled items and {} groups of {}: at least one labelled item, groups of at "
                     "least one, and three groups to rank are needed",
                     least, config.groups, config.group));
  const int64_t most = std::ranges::max(config.labeled);
  if (items < most + config.group)
    fail(ExitCode::config, fmt::format("{} items are too few for {} labelled ones and a group of {}; give more "
                                       "features, or name smaller sets with --labeled",
                                       items, most, config.group));
}

}  // namespace

double spearman(std::span<const double> a, std::span<const double> b) {
  const std::vector<double> x = ranks(a), y = ranks(b);
  const double mean = double(x.size() - 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (size_t k = 0; k < x.size(); ++k) {
    xy += (x[k] - mean) * (y[k] - mean);
    xx += (x[k] - mean) * (x[k] - mean);
    yy += (y[k] - mean) * (y[k] - mean);
  }
  return xx == yy ? xy / xx : xy / std::sqrt(xx * yy);
}

std::vector<float> synthetic_features(int64_t n, uint32_t seed) {
  constexpr int64_t kClasses = 10, kWidth = kSyntheticWidth;
  const std::vector<double> means = normals(seed, kClasses * kWidth, -1), mixing = normals(seed, kWidth * kWidth, -2);
  std::vector<float> features;
  features.reserve(size_t(n * kWidth));
  for (int64_t i = 0; i < n; ++i) {
    std::vector<double> z = normals(seed, kWidth, i), h(kWidth);
    for (int64_t j = 0; j < kWidth; ++j)
      z[j] *= 0.3 / std::sqrt(double(kWidth)) * std::exp(-6.0 * double(j) / double(kWidth));
    const int64_t c = i % kClasses;
    for (int64_t k = 0; k < kWidth; ++k) h[k] = std::max(0.4 + 0.6 * means[c * kWidth + k], -0.05);
    for (int64_t j = 0; j < kWidth; ++j)
      for (int64_t k = 0; k < kWidth; ++k) h[k] += z[j] * mixing[j * kWidth + k];
    for (double value : h) features.push_back(float(value > 0 ? value : 0.1 * value));  // LeakyReLU
  }
  return features;
}

Barrier rank_barrier(Context& context, View<const float, 2> features, const BarrierConfig& config) {
  const int64_t n = features.shape[0], width = features.shape[1];
  check(config, n);
  enum : uint32_t { order = 0, numbers = 1 };
  const auto shuffled = [&](uint32_t epoch, int64_t i) {
    return int64_t(permute(config.seed, Purpose::acquisition, epoch, uint32_t(n), uint32_t(i)));
  };
  std::vector<float> host(features.size()), moved(features.size());
  context.copy_out(host.data(), features);
  ItemList drawn(n), renumbered(n);
  for (int64_t i = 0; i < n; ++i) {
    drawn[i] = shuffled(order, i);
    renumbered[i] = shuffled(numbers, i);
    std::copy_n(&host[i * width], width, &moved[renumbered[i] * width]);
  }
  const auto renumber = [&](const ItemList& items) {
    ItemList result;
    for (int64_t item : items) result.push_back(renumbered[item]);
    return result;
  };

  Barrier barrier{.group = config.group, .groups = config.groups, .points = {}};
  Numbering before{Tensor::from_host(context, {n, width}, host.data(), "features"), {}, {}, {}};
  Numbering after{Tensor::from_host(context, {n, width}, moved.data(), "renumbered features"), {}, {}, {}};
  ItemList sizes = config.labeled;
  std::ranges::sort(sizes);
  for (const int64_t labeled : sizes) {
    before.labeled.assign(drawn.begin(), drawn.begin() + labeled);
    before.unlabeled.assign(drawn.begin() + labeled, drawn.end());
    before.members = draw_members(before.unlabeled, labeled, config);
    after.labeled = renumber(before.labeled);
    after.unlabeled = renumber(before.unlabeled);
    after.members = renumber(before.members);
    const Selection exact = before.score(context, Solver::capacitance, config.group),
                    exact_again = after.score(context, Solver::capacitance, config.group),
                    naive = before.score(context, Solver::fp32_positive, config.group),
                    naive_again = after.score(context, Solver::fp32_positive, config.group);
    barrier.rank = exact.rank;
    barrier.points.push_back({.labeled = labeled,
                              .against_exact = spearman(naive.scores, exact.scores),
                              .against_itself = spearman(naive.scores, naive_again.scores),
                              .exact_itself = spearman(exact.scores, exact_again.scores),
                              .same_best = same_best(naive.scores, exact.scores),
                              .same_best_again = same_best(naive.scores, naive_again.scores)});
  }
  return barrier;
}

}  // namespace crc::select
