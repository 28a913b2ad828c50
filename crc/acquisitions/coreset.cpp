// Coreset (Sener & Savarese 2018), greedy k-center on the features: pick the item farthest from its nearest centre,
// make it a centre, again. The labelled items are the first centres; without any, the pool's mean is.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "crc/acquisition.h"
#include "crc/host_rows.h"
#include "crc/quotas.h"
#include "crc/ties.h"
#include "kernels/core/tensor.h"
#include "kernels/ops/min_distance.h"

namespace crc::select {
namespace {

constexpr int64_t kCopiedAtOnce = 4096;  // copied

std::vector<float> mean_of(const HostRows& features, std::span<const int64_t> items) {
  std::vector<double> total(features.width);
  for (int64_t item : items)
    for (int64_t d = 0; d < features.width; ++d) total[d] += features[item][d];
  std::vector<float> mean;
  for (double t : total) mean.push_back(float(t / double(items.size())));
  return mean;
}

Tensor rows_of(Context& context, const HostRows& features, std::span<const int64_t> items) {
  const int64_t count = int64_t(items.size());
  Tensor x(context, {count, features.width}, Dtype::f32, "features of the pool");
  std::vector<float> rows;
  for (int64_t begin = 0; begin < count; begin += kCopiedAtOnce) {
    const int64_t end = std::min(count, begin + kCopiedAtOnce);
    rows.clear();
    for (int64_t item : items.subspan(begin, end - begin))
      rows.insert(rows.end(), features[item].begin(), features[item].end());
    context.copy_in(x.view<float, 2>().slice(begin, end), rows.data());
  }
  return x;
}

}  // namespace

Selection select_coreset(Context& context, const Problem& problem, const Config& config) {
  const Fp32Features features =
      read_features(context, problem.features, config.name, {problem.labeled, problem.unlabeled});
  const int64_t pool = int64_t(problem.unlabeled.size());
  const Tensor x = rows_of(context, features, problem.unlabeled);
  std::vector<double> distances(pool, INFINITY);
  const Tensor nearest = Tensor::from_host(context, {pool}, distances.data(), "squared distances");
  const auto add_center = [&](View<const float, 1> center) {
    min_distance(context, nearest.view<double, 1>(), x.view<const float, 2>(), center);
  };
  for (int64_t item : problem.labeled) {
    const Tensor center = Tensor::from_host(context, {features.width}, features[item].data(), "labelled center");
    add_center(center.view<const float, 1>());
    context.synchronize();
  }
  if (problem.labeled.empty()) {
    const std::vector<float> mean = mean_of(features, problem.unlabeled);
    const Tensor center = Tensor::from_host(context, {features.width}, mean.data(), "mean");
    add_center(center.view<const float, 1>());
    context.synchronize();
  }
  Selection selection;
  const Ties ties(config.seed, config.round);
  std::vector<bool> picked(pool, false);
  Quotas quotas(config);
  double largest = 0;
  while (int64_t(selection.picks.size()) < config.budget) {
    distances = nearest.to_host<double>(context);
    if (selection.picks.empty())
      for (double distance : distances) selection.scores.push_back(features.square(distance));
    const int64_t best = ties.largest(distances, picked, problem.unlabeled);
    picked[best] = true;
    quotas.take(problem.unlabeled[best], problem.unlabeled, picked);
    report(config.progress, "picks", int64_t(selection.picks.size()), config.budget);
    largest = features.square(distances[best]);
    selection.picks.push_back(problem.unlabeled[best]);
    selection.groups.push_back({{problem.unlabeled[best]}, largest});
    add_center(x.view<const float, 2>().slice(best, best + 1).flat());
  }
  check_scores(config, selection.scores, problem.unlabeled, 1);
  warn_of_ties(selection, config);
  selection.candidates.assign(problem.unlabeled.begin(), problem.unlabeled.end());
  selection.summary = fmt::format("coreset: {} of {} items; radius {:.6g} at first, {:.6g} at the last pick",
                                  config.budget, pool, std::sqrt(selection.groups.front().score), std::sqrt(largest));
  return selection;
}

}  // namespace crc::select
