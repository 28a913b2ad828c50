#include "apps/rank_barrier.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/core/random.h"
#include "kernels/core/tensor.h"

namespace crc::apps {
namespace {

using Items = std::vector<int64_t>;

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
  Items labeled, unlabeled, members;
  int64_t rank = 0;

  std::vector<double> score(Context& context, const std::string& solver, int64_t group) {
    const select::Selection s = select::select(
        context,
        {.features = features.view<const float, 2>(), .logits = {}, .labeled = labeled, .unlabeled = unlabeled},
        {.budget = group, .group_size = group, .search = "given", .given = members, .solver = solver});
    rank = s.rank;
    return s.scores;
  }
};

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
  const auto normals = [&](int64_t count, int64_t row) {  // Box and Muller
    Draws draws(seed, Purpose::dataset, row, 1);
    std::vector<double> z;
    while (int64_t(z.size()) < count) {
      const double radius = std::sqrt(-2 * std::log(1 - double(draws.uniform()))),
                   angle = 6.283185307179586 * draws.uniform();
      z.push_back(radius * std::cos(angle));
      z.push_back(radius * std::sin(angle));
    }
    return z;
  };
  const std::vector<double> means = normals(kClasses * kWidth, -1), mixing = normals(kWidth * kWidth, -2);
  std::vector<float> features;
  features.reserve(size_t(n * kWidth));
  for (int64_t i = 0; i < n; ++i) {
    std::vector<double> z = normals(kWidth, i), h(kWidth);
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
  const int64_t n = features.shape[0], width = features.shape[1], most = std::ranges::max(config.labeled);
  if (n < most + config.group)
    fail(ExitCode::config,
         fmt::format("{} items are too few for {} labelled ones and a group of {}; give more features, "
                     "or fewer with --labeled",
                     n, most, config.group));
  std::vector<float> host(features.size()), moved(features.size());
  context.copy_out(host.data(), features);
  const auto shuffled = [&](uint32_t epoch, int64_t i) {
    return int64_t(permute(config.seed, Purpose::acquisition, epoch, uint32_t(n), uint32_t(i)));
  };
  for (int64_t i = 0; i < n; ++i) std::copy_n(host.begin() + i * width, width, moved.begin() + shuffled(1, i) * width);

  Barrier barrier{.rank = 0, .group = config.group, .points = {}};
  Numbering before{Tensor::from_host(context, {n, width}, host.data(), "features"), {}, {}, {}};
  Numbering after{Tensor::from_host(context, {n, width}, moved.data(), "renumbered features"), {}, {}, {}};
  for (const int64_t labeled : config.labeled) {
    Items order(n);
    for (int64_t i = 0; i < n; ++i) order[i] = shuffled(0, i);
    before.labeled.assign(order.begin(), order.begin() + labeled);
    before.unlabeled.assign(order.begin() + labeled, order.end());
    before.members.clear();
    for (int64_t k = 0; k < config.groups; ++k) {
      Draws draws(config.seed, Purpose::group_shuffle, k, labeled);
      Items group;
      while (int64_t(group.size()) < config.group) {
        const int64_t item = before.unlabeled[draws.below(uint32_t(before.unlabeled.size()))];
        if (std::ranges::find(group, item) == group.end()) group.push_back(item);
      }
      before.members.insert(before.members.end(), group.begin(), group.end());
    }
    const auto renumber = [&](const Items& items) {
      Items moved_items;
      for (int64_t item : items) moved_items.push_back(shuffled(1, item));
      return moved_items;
    };
    after.labeled = renumber(before.labeled);
    after.unlabeled = renumber(before.unlabeled);
    after.members = renumber(before.members);
    const auto exact = before.score(context, "capacitance", config.group),
               exact_again = after.score(context, "capacitance", config.group),
               naive = before.score(context, "fp32-positive", config.group),
               naive_again = after.score(context, "fp32-positive", config.group);
    barrier.rank = before.rank;
    barrier.points.push_back({labeled, spearman(naive, exact), spearman(naive, naive_again),
                              spearman(exact, exact_again), same_best(naive, exact), same_best(naive, naive_again)});
  }
  return barrier;
}

LineChart barrier_chart(const Barrier& barrier) {
  LineChart chart{.title = "Rank correlation of group scores",
                  .x_label = "labelled items |L|",
                  .y_label = "Spearman's rho",
                  .description =
                      "Rank correlation of the fp32 rule with the exact score and with itself, by the number "
                      "of labelled items",
                  .series = {},
                  .y_range = std::pair{-0.4, 1.1},
                  .x_ticks = {}};
  LineSeries exact{
      .name = "exact, renumbered", .ink = series_ink(2), .mean = {}, .deviation = {}, .members = {}},
      naive{.name = "fp32 rule : exact",
            .ink = series_ink(0),
            .mean = {},
            .deviation = {},
            .members = {},
            .emphasized = true},
      again{.name = "fp32 rule, renumbered",
            .ink = series_ink(1),
            .mean = {},
            .deviation = {},
            .members = {},
            .dashed = true},
      wall{.name = "|L| + G = rank",
           .ink = Ink::muted,
           .mean = {},
           .deviation = {},
           .members = {},
           .dashed = true,
           .points = false};
  for (const BarrierPoint& p : barrier.points) {
    const auto x = double(p.labeled);
    exact.mean.push_back({x, p.exact_itself});
    naive.mean.push_back({x, p.against_exact});
    again.mean.push_back({x, p.against_itself});
  }
  const auto place = double(barrier.rank - barrier.group);
  wall.mean = {{place, -0.4}, {place, 1.1}};
  chart.series = {exact, naive, again, wall};
  return chart;
}

std::string barrier_table(const Barrier& barrier) {
  std::string text =
      fmt::format("rank {}, groups of {}\n{:>5} {:>20} {:>20} {:>20} {:>12} {:>12}\n", barrier.rank, barrier.group,
                  "|L|", "fp32 : exact", "fp32 : renumbered", "exact : renumbered", "10 best", "10 best");
  for (const BarrierPoint& p : barrier.points)
    text += fmt::format("{:5d} {:+20.3f} {:+20.3f} {:+20.3f} {:12d} {:12d}\n", p.labeled, p.against_exact,
                        p.against_itself, p.exact_itself, p.same_best, p.same_best_again);
  return text +
         "10 best: how many are the same by the fp32 rule and the exact score, and by the fp32 rule renumbered\n";
}

}  // namespace crc::apps
