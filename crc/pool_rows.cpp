#include "crc/pool_rows.h"

#include <algorithm>
#include <cmath>

#include "crc/host_loop.h"
#include "kernels/core/mapped_pages.h"
#include "kernels/ops/gather.h"

namespace crc::select {
namespace {

Tensor gathered(Context& context, View<const float, 2> from, std::span<const int64_t> which) {
  const int64_t n = int64_t(which.size());
  const Tensor index = Tensor::from_host(context, {n}, which.data(), "places");
  Tensor rows(context, {n, from.shape[1]}, Dtype::f32, "some rows of the pool");
  gather_rows(context, rows.view<float, 2>(), from, index.view<const int64_t, 1>());
  context.synchronize();  // `index` goes
  return rows;
}

// [items,D]; what has been read of a mapped file goes as the copy grows.
std::vector<float> scaled_copy(Context& context, const Fp32Features& features, std::span<const int64_t> items,
                               Scaling scaling) {
  const size_t width = size_t(features.width), piece = std::max<size_t>(1, (1 << 20) / std::max<size_t>(1, width));
  const float* kept = features.data.data();
  std::vector<float> copy;
  copy.reserve(items.size() * width);
  advise_huge_pages(copy.data(), copy.capacity() * sizeof(float));
  for (size_t begin = 0; begin < items.size(); begin += piece) {
    const size_t end = std::min(items.size(), begin + piece);
    copy.resize(end * width);
    each_on_host(context, int64_t(end - begin), [&](int64_t k) {
      const size_t place = begin + size_t(k);
      scale_row(scaling, features[items[place]], copy.data() + place * width);
    });
    const float* next = features[items[end - 1]].data() + width;
    release_pages(kept, size_t(next - kept) * sizeof(float));
    kept = next;
  }
  return copy;
}

}  // namespace

Problem without_labels(Problem problem) {
  problem.labeled = {}, problem.labels = {};
  return problem;
}

SharedRows::SharedRows(Context& context, std::vector<float> values, int64_t count, int64_t width, const char* name)
    : values_(std::move(values)) {
  if (context.device().kind == DeviceKind::cpu) {
    view_ = {values_.data(), {count, width}, context.device(), name};
  } else {
    device_ = Tensor::from_host(context, {count, width}, values_.data(), name);
    view_ = device_.view<const float, 2>();
  }
}

void scale_row(Scaling scaling, std::span<const float> row, float* scaled) {
  double total = 0;
  for (float x : row) total += double(x) * double(x);
  const double norm = scaling == Scaling::unit && total > 0 ? std::sqrt(total) : 1;
  for (size_t d = 0; d < row.size(); ++d) scaled[d] = float(double(row[d]) / norm);
}

PoolRows::PoolRows(Context& context, const Problem& problem, const Config& config, Scaling scaling)
    : PoolRows(context, problem,
               read_features(context, problem.features, config.name, {problem.labeled, problem.unlabeled}), scaling) {}

PoolIndex::PoolIndex(const Problem& problem, Copies found) : copies(std::move(found)) {
  std::ranges::merge(problem.labeled, problem.unlabeled, std::back_inserter(items));
  size_t next_labeled = 0;
  for (size_t place = 0; place < items.size(); ++place) {
    const bool known = next_labeled < problem.labeled.size() && problem.labeled[next_labeled] == items[place];
    next_labeled += known;
    (known ? labeled : unlabeled).push_back(int64_t(place));
  }
}

PoolRows::PoolRows(Context& context, const Problem& problem, Fp32Features features, Scaling scaling)
    : PoolIndex(problem, Copies(features, problem.labeled, problem.unlabeled)),
      scaling_(scaling),
      width_(features.width),
      exponent_(features.exponent) {
  const bool as_they_are = scaling == Scaling::none && features.owned.empty() && count() == features.count();
  values_ = std::move(features.owned);  // rows go towards the front, so that they may be the same array
  if (values_.empty() && !as_they_are)
    values_ = scaled_copy(context, features, items, scaling);
  else if (!as_they_are)
    for (size_t place = 0; place < items.size(); ++place)
      scale_row(scaling, features[items[place]], values_.data() + place * size_t(width_));
  host_ = as_they_are ? features.data : std::span<const float>(values_).first(items.size() * size_t(width_));
  if (context.device().kind == DeviceKind::cpu)
    view_ = {host_.data(), {count(), width_}, context.device(), "rows of the pool"};
  else
    to_device(context, problem.features);
}

// What the device has of the rows already is not sent there again.
void PoolRows::to_device(Context& context, const Rows& features) {
  const auto* given = std::get_if<View<const float, 2>>(&features);
  const bool there = given && given->device == context.device() && scaling_ == Scaling::none;
  const bool all = there && count() == given->shape[0];
  if (there && !all) device_ = gathered(context, *given, items);
  if (!there) device_ = Tensor::from_host(context, {count(), width_}, host_.data(), "rows of the pool");
  view_ = all ? *given : device_.view<const float, 2>();
}

std::vector<int64_t> PoolIndex::items_at(std::span<const int64_t> places) const {
  std::vector<int64_t> ids;
  for (const int64_t place : places) ids.push_back(items[size_t(place)]);
  return ids;
}

Tensor PoolRows::gather(Context& context, std::span<const int64_t> places) const {
  return gathered(context, rows(), places);
}

int64_t best_place(const PoolIndex& pool, std::span<const int64_t> places, std::span<const double> values,
                   const std::vector<bool>& taken, const Known& known, const Ties& ties) {
  int64_t best = -1;
  bool best_known = false;
  double best_value = 0;
  for (size_t k = 0; k < places.size(); ++k) {
    const int64_t place = places[k];
    if (taken[place]) continue;
    const bool is_known = known.contains(pool.items[place]);
    const auto better = [&] {
      if (best < 0 || is_known != best_known) return best < 0 || best_known;
      if (values[k] != best_value) return values[k] > best_value;
      return ties.draw(pool.items[place]) > ties.draw(pool.items[best]);
    };
    if (better()) best = place, best_known = is_known, best_value = values[k];
  }
  return best;
}

Picks::Picks(const Problem& problem, const Config& config, std::vector<double> scores)
    : config_(config), pool_(int64_t(problem.unlabeled.size())) {
  check_scores(config, scores, problem.unlabeled, 1);
  selection_.candidates.assign(problem.unlabeled.begin(), problem.unlabeled.end());
  selection_.scores = std::move(scores);
}

void Picks::add(int64_t item, double score, bool drawn) {
  selection_.picks.push_back(item);
  selection_.groups.push_back({{item}, score});
  drawn_ += drawn;
  report(config_.progress, "picks", int64_t(selection_.picks.size()), config_.budget);
}

Selection Picks::finish(std::string summary) {
  if (drawn_ > 0)
    selection_.warnings.push_back(
        Ties(config_.seed, config_.round)
            .warning(drawn_, config_.budget, pool_ - config_.budget + drawn_, selection_.groups.back().score));
  selection_.summary = std::move(summary);
  return std::move(selection_);
}

}  // namespace crc::select
